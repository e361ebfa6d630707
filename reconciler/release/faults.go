package release

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/strategies"
)

// faults collects what is wrong with a release. Each knows what it is about; in which
// file that stands is for whoever has the commit to find.
type faults struct {
	dir string
	all strategies.Mistakes
}

func (f *faults) add(at *strategies.Place, fix, format string, args ...any) {
	f.all = append(f.all, &strategies.Mistake{Path: f.dir, At: at, Err: fmt.Errorf(format, args...), Fix: fix})
}

// in is a field of an object.
func in(o *unstructured.Unstructured, field ...string) *strategies.Place {
	return &strategies.Place{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Name: o.GetName(), Field: field}
}

// inPod is a field of a workload's pods.
func inPod(w *unstructured.Unstructured, field ...string) *strategies.Place {
	return in(w, slices.Concat([]string{"spec", "template", "spec"}, field)...)
}

// entry is the step to an entry of a list, by the key that names it in every file.
func entry(e map[string]any, key string) string { return fmt.Sprintf("%s=%v", key, e[key]) }

func (f *faults) err() error {
	if len(f.all) == 0 {
		return nil
	}
	return f.all
}

// admissible: namespaced kinds from a fixed list, in this namespace, and nothing of the
// agent's own.
func (f *faults) admissible(o *unstructured.Unstructured, namespace string) {
	name := o.GetKind() + " " + o.GetName()
	if rank(o) < 0 {
		f.add(in(o, "kind"), "take it out of this directory", "%s (%s) is not a kind that this version of kexal applies", name, o.GetAPIVersion())
	}
	if ns := o.GetNamespace(); ns != "" && ns != namespace {
		f.add(in(o, "metadata", "namespace"), "remove its namespace", "%s is for namespace %s; this agent writes to %s alone", name, ns, namespace)
	}
	if agents(o.GetName()) {
		f.add(in(o, "metadata", "name"), "give it another name", "%s would be the agent's own", name)
	}
	for _, k := range slices.Sorted(maps.Keys(o.GetLabels())) {
		if k == LabelColor || k == LabelRevision || k == LabelRollout {
			f.add(in(o, "metadata", "labels", k), "remove the label", "%s has the label %s, which kexal sets", name, k)
		}
	}
}

// agentName is that of the agent's ServiceAccount, Deployment, Role and Lease.
const agentName = "kexal"

// agents tells the names of the agent's own objects: its state, settings and Secrets
// begin so too.
func agents(name string) bool {
	return name == agentName || strings.HasPrefix(name, agentName+"-") || strings.HasPrefix(name, agentName+".")
}

// A credential is one of the agent's own Secrets or ConfigMaps, and where a pod's spec
// names it.
type credential struct {
	name  string
	field []string
}

// credentials finds them, whatever reads them: a volume, the environment, a pull secret.
// field leads to v; under is the field that v stands in.
func credentials(v any, under string, field []string) []credential {
	var found []credential
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			child, way := v[key], slices.Concat(field, []string{key})
			text, isText := child.(string)
			names := key == "secretName" || key == "name" &&
				slices.Contains([]string{"secret", "secretRef", "secretKeyRef", "imagePullSecrets", "configMap", "configMapRef", "configMapKeyRef"}, under)
			if isText && names && agents(text) {
				found = append(found, credential{text, way})
			}
			found = append(found, credentials(child, key, way)...)
		}
	case []any:
		for i, child := range v {
			step := fmt.Sprint(i)
			if m, ok := child.(map[string]any); ok && m["name"] != nil {
				step = entry(m, "name")
			}
			found = append(found, credentials(child, under, slices.Concat(field, []string{step}))...)
		}
	}
	return found
}

// duplicate is a name that stands twice in a list of named entries (SPEC 6.8).
func duplicate(list any) string {
	entries, _ := list.([]any)
	seen := map[string]bool{}
	for _, e := range entries {
		m, _ := e.(map[string]any)
		name, _ := m["name"].(string)
		if name != "" && seen[name] {
			return name
		}
		seen[name] = true
	}
	return ""
}

// workloads finds the Deployments that are coloured: all of them (SPEC 5.1).
func (f *faults) workloads(spec strategies.Spec, found []*unstructured.Unstructured) []*unstructured.Unstructured {
	for i, name := range spec.Workloads {
		if !slices.ContainsFunc(found, func(o *unstructured.Unstructured) bool { return o.GetName() == name }) {
			f.add(strategies.RolloutField("spec", "workloads", fmt.Sprint(i)), "name a Deployment of this directory", "spec.workloads names %s, which is not rendered", name)
		}
	}
	if len(f.all) > 0 {
		return nil
	}
	if len(found) == 0 {
		f.add(&strategies.Place{}, "add a Deployment", "no Deployment is rendered")
	}
	found = slices.Clone(found)
	slices.SortFunc(found, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	matched := func(o *unstructured.Unstructured) map[string]string {
		labels, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
		return labels
	}
	for i, o := range found {
		if spec.Workloads != nil && !slices.Contains(spec.Workloads, o.GetName()) {
			f.add(in(o, "kind"), "add it to spec.workloads, or give it a directory and a rollout.yaml of its own", "Deployment %s is not in spec.workloads; this version of kexal releases every Deployment of a directory in colours", o.GetName())
		}
		for _, other := range found[:i] {
			if matches(matched(o), podLabels(other)) || matches(matched(other), podLabels(o)) {
				f.add(in(o, "spec", "selector", "matchLabels"), "give each a label of its own", "Deployments %s and %s select each other's pods", other.GetName(), o.GetName())
			}
			for _, c := range []strategies.Color{strategies.Blue, strategies.Green} { // K38
				if made := Colored(o.GetName(), c); made == other.GetName() || made == Colored(other.GetName(), c) || o.GetName() == Colored(other.GetName(), c) {
					f.add(in(o, "metadata", "name"), "rename one of them", "Deployments %s and %s would need one name for two of their colours", other.GetName(), o.GetName())
				}
			}
		}
	}
	if len(f.all) > 0 {
		return nil
	}
	return found
}

// coloured: what cannot run twice at once, or holds the agent's credentials, is refused
// (SPEC 5.2).
func (f *faults) coloured(w *unstructured.Unstructured) {
	name := "Deployment " + w.GetName()
	if kind, _, _ := unstructured.NestedString(w.Object, "spec", "strategy", "type"); kind == "Recreate" {
		f.add(in(w, "spec", "strategy", "type"), "use strategy RollingUpdate, if two versions may run at once", "%s has strategy Recreate: it cannot run in two colours", name)
	}
	pod, _, _ := unstructured.NestedMap(w.Object, "spec", "template", "spec")
	if on, _ := pod["hostNetwork"].(bool); on {
		f.add(inPod(w, "hostNetwork"), "remove hostNetwork", "%s uses hostNetwork: it cannot run in two colours", name)
	}
	sa, _ := pod["serviceAccountName"].(string)
	alias, _ := pod["serviceAccount"].(string) // the server copies it to the other
	if sa == agentName || alias == agentName {
		field := "serviceAccountName"
		if sa != agentName {
			field = "serviceAccount"
		}
		f.add(inPod(w, field), "use a ServiceAccount of its own", "%s would run with the agent's own rights", name)
	}
	for _, c := range credentials(pod, "", nil) {
		f.add(inPod(w, c.field...), "use a Secret of its own", "%s would read %s, which is the agent's own", name, c.name)
	}
	for _, list := range []string{"containers", "initContainers"} {
		for _, c := range containers(w, list) {
			f.container(w, list, c)
		}
	}
	if v, found, _ := unstructured.NestedFieldNoCopy(w.Object, "spec", "replicas"); found && v != nil {
		if n, whole := v.(int64); !whole || n < 0 || n > math.MaxInt32 {
			f.add(in(w, "spec", "replicas"), "write a whole number of pods", "%s: spec.replicas is %v", name, v)
		}
	}
	matched, _, _ := unstructured.NestedStringMap(w.Object, "spec", "selector", "matchLabels")
	for _, l := range []struct {
		labels map[string]string
		field  []string
	}{{podLabels(w), []string{"spec", "template", "metadata", "labels"}}, {matched, []string{"spec", "selector", "matchLabels"}}} {
		for _, own := range []string{LabelColor, LabelRevision} {
			if _, has := l.labels[own]; has {
				f.add(in(w, append(l.field, own)...), "remove the label", "%s has the label %s on its pods, which kexal sets", name, own)
			}
		}
	}
	volumes, _ := pod["volumes"].([]any)
	for _, v := range volumes {
		if m, _ := v.(map[string]any); m["persistentVolumeClaim"] != nil {
			f.add(inPod(w, "volumes", entry(m, "name"), "persistentVolumeClaim"), "keep its data outside, or use a StatefulSet", "%s mounts a PersistentVolumeClaim: two colours could write to it at once", name)
		}
	}
	if labels, _, _ := unstructured.NestedStringMap(w.Object, "spec", "selector", "matchLabels"); !matches(labels, podLabels(w)) {
		f.add(in(w, "spec", "selector", "matchLabels"), "make them the same", "%s: spec.selector.matchLabels does not match the labels of its pod template", name)
	}
}

// container: its ports stay inside the pod, and no name stands twice in its lists (SPEC
// 6.8).
func (f *faults) container(w *unstructured.Unstructured, list string, c map[string]any) {
	name := "Deployment " + w.GetName()
	ports, _ := c["ports"].([]any)
	for _, p := range ports {
		if m, _ := p.(map[string]any); m["hostPort"] != nil {
			f.add(inPod(w, list, entry(c, "name"), "ports", entry(m, "containerPort"), "hostPort"), "remove hostPort", "%s uses a hostPort: it cannot run in two colours", name)
		}
	}
	for _, field := range []string{"env", "ports"} {
		if twice := duplicate(c[field]); twice != "" {
			f.add(inPod(w, list, entry(c, "name"), field, "name="+twice), "keep one of them", "%s: %s %s is written twice in a container (the server refuses the whole object)", name, field, twice)
		}
	}
}

// services are those that select the workloads' pods, and of them the preview that
// rollout.yaml names (SPEC 3.3).
func (f *faults) services(spec strategies.Spec, found, workloads []*unstructured.Unstructured) (ours, previews []*unstructured.Unstructured) {
	those := names(workloads)
	byName := map[string]*unstructured.Unstructured{}
	preview := ""
	if spec.BlueGreen != nil {
		preview = spec.BlueGreen.PreviewService
	}
	for _, s := range found {
		byName[s.GetName()] = s
		switch {
		case behind(s, workloads) == nil:
		case s.GetName() == preview:
			previews = append(previews, s)
		default:
			ours = append(ours, s)
		}
	}
	if preview != "" && previews == nil {
		if byName[preview] == nil {
			f.add(strategies.RolloutField("spec", "strategy", "blueGreen", "previewService"), "name a Service of this directory", "blueGreen.previewService names %s, which is not rendered", preview)
		} else {
			f.add(in(byName[preview], "spec", "selector"), "make its selector match the pods' labels", "Service %s, the preview, selects none of the pods of Deployment %s", preview, those)
		}
	}
	for i, name := range spec.Services {
		switch s := byName[name]; {
		case s == nil:
			f.add(strategies.RolloutField("spec", "services", fmt.Sprint(i)), "name a Service of this directory", "spec.services names %s, which is not rendered", name)
		case len(selector(s)) == 0:
			f.add(in(s, "spec", "selector"), "give it a selector", "Service %s has no selector: kexal never takes such a Service as its own", name)
		case behind(s, workloads) == nil:
			f.add(in(s, "spec", "selector"), "make its selector match the pods' labels", "Service %s selects none of the pods of Deployment %s", name, those)
		}
	}
	if len(ours) == 0 && spec.Services == nil && len(f.all) == 0 {
		// Where not one selects the pods, it is more likely a slip than meant for others.
		for _, s := range found {
			if len(selector(s)) > 0 && s.GetName() != preview {
				f.add(in(s, "spec", "selector"), "make its selector match the pods' labels, or move it to another directory",
					"Service %s selects none of the pods of Deployment %s", s.GetName(), those)
			}
		}
	}
	for _, s := range slices.Concat(ours, previews) {
		w := behind(s, workloads)
		for _, other := range workloads {
			if other != w && matches(selector(s), podLabels(other)) {
				f.add(in(s, "spec", "selector"), "narrow its selector", "Service %s selects the pods of Deployment %s and of Deployment %s; this version of kexal moves the users of one Deployment with a Service", s.GetName(), w.GetName(), other.GetName())
			}
		}
		if spec.Services != nil && !slices.Contains(spec.Services, s.GetName()) && s.GetName() != preview {
			f.add(strategies.RolloutField("spec", "services"), "add it to spec.services, or narrow its selector", "Service %s selects the pods of Deployment %s and is not in spec.services", s.GetName(), w.GetName())
		}
		if kind, _, _ := unstructured.NestedString(s.Object, "spec", "type"); kind == "ExternalName" {
			f.add(in(s, "spec", "type"), "use a Service with a selector", "Service %s is an ExternalName", s.GetName())
		}
		if ip, _, _ := unstructured.NestedString(s.Object, "spec", "clusterIP"); ip == "None" {
			f.add(in(s, "spec", "clusterIP"), "give it a clusterIP", "Service %s is headless: its clients keep the addresses of pods that are gone, which this version of kexal does not wait for", s.GetName())
		}
		for _, k := range slices.Sorted(maps.Keys(selector(s))) {
			if k == LabelColor || k == LabelRevision {
				f.add(in(s, "spec", "selector", k), "remove it from the selector", "Service %s selects by %s, which kexal sets", s.GetName(), k)
			}
		}
		for _, p := range servicePorts(s) {
			if target, numeric := p.target(); !numeric {
				if _, ok := ports(w)[target]; !ok {
					f.add(p.in(s), "name a container's port so", "Service %s sends to port %q, which no container of Deployment %s has", s.GetName(), target, w.GetName())
				}
			}
		}
	}
	return ours, previews
}
