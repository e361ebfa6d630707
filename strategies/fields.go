package strategies

import (
	"slices"
	"strings"
)

// A field is what becomes of one field of Argo Rollouts' spec when it is written in
// rollout.yaml (SPEC 3.2), or of one of kexal's own that this version does not act on.
type field struct {
	name  string // the way to it below spec; [] = in every entry of a list
	is    support
	needs Means  // of a wanting field
	def   string // what it is when it is left out; empty = nothing, or nothing of its own
	says  string // approximated: the warning; wanting and unsupported: the reason
	fix   string // what to do about the reason; empty = remove it
}

// support is what becomes of a field. No field is ignored.
type support int

const (
	supported    support = iota
	approximated         // acted on, not quite as Argo Rollouts does; the author is warned
	wanting              // read, and unsupported where the means that it needs are not there
	unsupported
)

// fieldsOf is the table: every field, by its name without the [].
var fieldsOf = func() map[string]field {
	table := map[string]field{}
	for _, f := range slices.Concat(argoFields(), ownFields) {
		table[plain(f.name)] = f
	}
	return table
}()

// plain is a field's name without the marks of lists.
func plain(name string) string { return strings.ReplaceAll(name, "[]", "") }

const inDeployment = "write it in the Deployment"

// argoFields are those of Argo Rollouts.
func argoFields() []field {
	return slices.Concat(argoSpec, argoBlueGreen(), argoCanary(), argoSteps(), argoRouters())
}

// argoSpec is what stands beside the strategy. What a Rollout says there about its pods is
// the Deployment's own here.
var argoSpec = slices.Concat(
	[]field{
		{name: "strategy"},
		{name: "paused", def: "false"},
		{name: "progressDeadlineSeconds", def: "600"},
		{name: "progressDeadlineAbort", def: "true"},
		{name: "rollbackWindow"},
		{name: "rollbackWindow.revisions"},
		{name: "replicas", is: unsupported, says: "replicas is the Deployment's own field", fix: inDeployment},
		{name: "selector", is: unsupported, says: "selector is the Deployment's own field", fix: inDeployment},
		{name: "template", is: unsupported, says: "template is the Deployment's own field", fix: inDeployment},
		{name: "minReadySeconds", is: unsupported, says: "minReadySeconds is the Deployment's own field", fix: inDeployment},
		{name: "revisionHistoryLimit", is: unsupported, says: "revisionHistoryLimit is the Deployment's own field", fix: inDeployment},
		{name: "restartAt", is: unsupported, says: "restartAt is not a field here: pods restart when their template changes", fix: "set an annotation in the Deployment's pod template"},
	},
	whole(field{name: "workloadRef", is: unsupported, says: "workloadRef is not needed: the Deployments of the directory are what is released", fix: "name them in workloads, or leave it out"},
		"apiVersion", "kind", "name", "scaleDown"),
	whole(field{name: "analysis", is: unsupported, says: "analysis of the spec limits how many AnalysisRuns are kept; there are no such objects here"},
		"successfulRunHistoryLimit", "unsuccessfulRunHistoryLimit"),
)

func argoBlueGreen() []field {
	const at = "strategy.blueGreen"
	return slices.Concat(
		[]field{
			{name: at},
			{name: at + ".activeService"},
			{name: at + ".previewService"},
			{name: at + ".previewReplicaCount", def: "0"},
			{name: at + ".autoPromotionEnabled", def: "true"},
			{name: at + ".autoPromotionSeconds", def: "0"},
			{name: at + ".scaleDownDelaySeconds", def: "30"},
			{name: at + ".abortScaleDownDelaySeconds", def: "30"},
			{name: at + ".maxUnavailable", is: approximated, def: "25%", says: "blueGreen.maxUnavailable is how many pods of stable may be missing when users go back to it; Argo Rollouts bounds restarts with it"},
			{name: at + ".scaleDownDelayRevisionLimit", is: unsupported, says: oneOldRevision},
		},
		analysisFields(at+".prePromotionAnalysis"),
		analysisFields(at+".postPromotionAnalysis"),
		antiAffinity(at), podMetadata(at, "activeMetadata"), podMetadata(at, "previewMetadata"),
	)
}

const oneOldRevision = "scaleDownDelayRevisionLimit has no meaning here: there are two colours, and one old revision is kept"

func argoCanary() []field {
	const at = "strategy.canary"
	const pinned = " would pin a Service to one colour, which a canary by replica ratio does not do"
	return slices.Concat(
		[]field{
			{name: at},
			{name: at + ".maxSurge", def: "25%"},
			{name: at + ".maxUnavailable", def: "25%"},
			{name: at + ".scaleDownDelaySeconds", def: "30"},
			{name: at + ".replicaProgressThreshold"},
			{name: at + ".replicaProgressThreshold.type"},
			{name: at + ".replicaProgressThreshold.value"},
			{name: at + ".abortScaleDownDelaySeconds", is: wanting, needs: Routers, def: "30"},
			{name: at + ".dynamicStableScale", is: wanting, needs: Routers, def: "false"},
			{name: at + ".minPodsPerReplicaSet", is: wanting, needs: Routers, def: "1"},
			{name: at + ".analysis.startingStep", is: wanting, needs: Measurements, def: "0"},
			{name: at + ".canaryService", is: unsupported, says: "canaryService" + pinned, fix: "leave it out: every Service that selects the pods is led along"},
			{name: at + ".stableService", is: unsupported, says: "stableService" + pinned, fix: "leave it out: every Service that selects the pods is led along"},
			{name: at + ".scaleDownDelayRevisionLimit", is: unsupported, says: oneOldRevision},
		},
		analysisFields(at+".analysis"),
		antiAffinity(at), podMetadata(at, "canaryMetadata"), podMetadata(at, "stableMetadata"),
		whole(field{name: at + ".pingPong", is: unsupported, says: "pingPong has no meaning here: the two colours take turns, and no Service has to be named for it"},
			"pingService", "pongService"),
	)
}

func argoSteps() []field {
	const at = "strategy.canary.steps[]"
	const headers = "setHeaderRoute needs a router that tells requests apart by their headers, which this version of kexal does not drive"
	const copies = "setMirrorRoute needs a router that sends copies of requests, which this version of kexal does not drive"
	return slices.Concat(
		[]field{
			{name: at},
			{name: at + ".setWeight"},
			{name: at + ".pause"},
			{name: at + ".pause.duration"},
			{name: at + ".setCanaryScale", is: wanting, needs: Routers},
			{name: at + ".setCanaryScale.replicas", is: wanting, needs: Routers},
			{name: at + ".setCanaryScale.weight", is: wanting, needs: Routers},
			{name: at + ".setCanaryScale.matchTrafficWeight", is: wanting, needs: Routers},
		},
		analysisFields(at+".analysis"),
		experimentFields(at+".experiment"),
		whole(field{name: at + ".setHeaderRoute", is: unsupported, says: headers},
			"name", "match[]", "match[].headerName", "match[].headerValue", "match[].headerValue.exact", "match[].headerValue.prefix", "match[].headerValue.regex"),
		whole(field{name: at + ".setMirrorRoute", is: unsupported, says: copies},
			"name", "percentage", "match[]", "match[].method", "match[].path", "match[].headers"),
		whole(field{name: at + ".plugin", is: unsupported, says: "plugin steps run somebody's program inside the controller, which kexal does not do"},
			"name", "config"),
	)
}

// argoRouters are the providers of trafficRouting: their names are known, and what they say
// is not acted on.
func argoRouters() []field {
	const at = "strategy.canary.trafficRouting"
	router := func(name string, parts ...string) []field {
		return whole(field{name: at + "." + name, is: wanting, needs: Routers}, parts...)
	}
	virtualService := func(name string) []string {
		return []string{name, name + ".name", name + ".routes[]", name + ".tlsRoutes[]", name + ".tlsRoutes[].port", name + ".tlsRoutes[].sniHosts[]", name + ".tcpRoutes[]", name + ".tcpRoutes[].port"}
	}
	return slices.Concat(
		[]field{{
			name: at, is: wanting, needs: Routers,
			says: "trafficRouting needs a router to be driven, which this version of the agent does not do",
			fix:  "leave it out: the weight is then the ratio of pods",
		}},
		router("nginx", "stableIngress", "stableIngresses[]", "annotationPrefix", "additionalIngressAnnotations", "canaryIngressAnnotations"),
		router("alb", "ingress", "ingresses[]", "servicePort", "rootService", "annotationPrefix", "stickinessConfig", "stickinessConfig.enabled", "stickinessConfig.durationSeconds"),
		router("istio", slices.Concat(virtualService("virtualService"), virtualService("virtualServices[]"), []string{
			"destinationRule", "destinationRule.name", "destinationRule.canarySubsetName", "destinationRule.stableSubsetName", "destinationRule.additionalSubsetNames[]",
		})...),
		router("smi", "rootService", "trafficSplitName"),
		router("ambassador", "mappings[]"),
		router("appMesh", "virtualService", "virtualService.name", "virtualService.routes[]", "virtualNodeGroup",
			"virtualNodeGroup.canaryVirtualNodeRef", "virtualNodeGroup.canaryVirtualNodeRef.name", "virtualNodeGroup.stableVirtualNodeRef", "virtualNodeGroup.stableVirtualNodeRef.name"),
		router("traefik", "weightedTraefikServiceName"),
		router("apisix", "route", "route.name", "route.rules[]"),
		router("plugins"),
		whole(field{name: at + ".managedRoutes[]", is: unsupported, says: "managedRoutes are for steps that set header or mirror routes, which this version of kexal has not"}, "name"),
		[]field{{name: at + ".maxTrafficWeight", is: unsupported, def: "100", says: "maxTrafficWeight can only be 100: a weight is a percentage here", fix: "leave it out, and write weights from 0 to 100"}},
	)
}

// analysisFields are those of an analysis, wherever it stands.
func analysisFields(at string) []field {
	name := at[strings.LastIndex(at, ".")+1:]
	return append(whole(
		field{name: at, is: wanting, needs: Measurements, says: name + " needs measurements, which this version of the agent cannot take", fix: "leave it out"},
		"templates[]", "templates[].templateName",
		"args[]", "args[].name", "args[].value", "args[].valueFrom", "args[].valueFrom.podTemplateHashValue", "args[].valueFrom.fieldRef", "args[].valueFrom.fieldRef.fieldPath",
		"dryRun[]", "dryRun[].metricName",
		"measurementRetention[]", "measurementRetention[].metricName", "measurementRetention[].limit",
		"analysisRunMetadata", "analysisRunMetadata.labels", "analysisRunMetadata.annotations",
	), clusterScope(at+".templates[]"))
}

func experimentFields(at string) []field {
	return append(whole(
		field{name: at, is: wanting, needs: Measurements, says: "experiment needs measurements, which this version of the agent cannot take", fix: "leave it out"},
		"templates[]", "templates[].name", "templates[].specRef", "templates[].replicas", "templates[].weight", "templates[].selector", "templates[].service", "templates[].service.name",
		"templates[].metadata", "templates[].metadata.labels", "templates[].metadata.annotations",
		"duration",
		"analyses[]", "analyses[].name", "analyses[].templateName", "analyses[].requiredForCompletion",
		"analyses[].args[]", "analyses[].args[].name", "analyses[].args[].value", "analyses[].args[].valueFrom",
		"analyses[].args[].valueFrom.podTemplateHashValue", "analyses[].args[].valueFrom.fieldRef", "analyses[].args[].valueFrom.fieldRef.fieldPath",
		"dryRun[]", "dryRun[].metricName", "scaleDownDelaySeconds",
		"analysisRunMetadata", "analysisRunMetadata.labels", "analysisRunMetadata.annotations",
	), clusterScope(at+".analyses[]"))
}

func clusterScope(at string) field {
	return field{name: at + ".clusterScope", is: unsupported, def: "false", says: "cluster-scoped templates are out of a namespace's reach", fix: "keep the template in the repository, and leave clusterScope out"}
}

func antiAffinity(at string) []field {
	return whole(field{name: at + ".antiAffinity", is: unsupported, says: "antiAffinity would add to the pods, and kexal runs them as Git has them", fix: "write podAntiAffinity in the Deployment's pod template"},
		"requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution.weight")
}

func podMetadata(at, name string) []field {
	return whole(field{name: at + "." + name, is: unsupported, says: name + " would change pods that run: their labels and annotations are the template's", fix: "write them in the Deployment's pod template"}, "labels", "annotations")
}

// whole is a field with its parts, of which becomes what becomes of it.
func whole(f field, parts ...string) []field {
	all := []field{f}
	for _, part := range parts {
		sub := field{name: f.name + "." + part, is: f.is, needs: f.needs}
		if f.is == unsupported {
			sub.says, sub.fix = f.says, f.fix
		}
		all = append(all, sub)
	}
	return all
}

const notYet = " is not supported by this version of kexal"

// ownFields are kexal's own that this version does not act on.
var ownFields = []field{
	{name: "onFailure", is: unsupported, says: "onFailure" + notYet},
	{name: "onRemoval", is: unsupported, says: "onRemoval" + notYet},
	{name: "renamedFrom", is: unsupported, says: "renamedFrom" + notYet},
	{name: "siblings", is: unsupported, says: "siblings" + notYet},
}
