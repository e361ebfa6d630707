package release

import (
	"errors"
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// What this version cannot release safely is refused before anything is written, with
// what to do about it.
func TestRefusals(t *testing.T) {
	web := fixture(t, "web.yaml")
	with := func(old, replacement string) string { return swap(t, web, old, replacement) }
	and := func(doc string) string { return web + "---\n" + doc }
	deployment, service, _ := strings.Cut(web, "---\n")
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "nothing is rendered: check the kustomization, or the chart's values and templates"},
		{"a kind of the future", and("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n"),
			"HorizontalPodAutoscaler web (autoscaling/v2) is not a kind that this version of kexal applies: take it out of this directory"},
		{"a kind of another group", and("apiVersion: serving.example.com/v1\nkind: Service\nmetadata: {name: x}\n"),
			"Service x (serving.example.com/v1) is not a kind that this version of kexal applies: take it out of this directory"},
		{"a kind that reaches beyond the namespace", and("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\n"),
			"ClusterRole x (rbac.authorization.k8s.io/v1) is not a kind that this version of kexal applies: take it out of this directory"},
		{"a Secret", and("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"),
			"Secret x (v1) is not a kind that this version of kexal applies: take it out of this directory"},
		{"another namespace", and("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: kube-system}\n"),
			"ConfigMap x is for namespace kube-system; this agent writes to shop alone: remove its namespace"},
		{"the agent's own state", and("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kexal-web}\n"),
			"ConfigMap kexal-web would be the agent's own: give it another name"},
		{"the agent's own Service", and("apiVersion: v1\nkind: Service\nmetadata: {name: kexal}\n"),
			"Service kexal would be the agent's own: give it another name"},
		{"the agent's own words", and("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kexal.agent}\n"),
			"ConfigMap kexal.agent would be the agent's own: give it another name"},
		{"kexal's own labels", with("team: shop", "kexal.dev/color: blue"),
			"Deployment web has the label kexal.dev/color, which kexal sets: remove the label"},
		{"one object twice", and(service), "Service web is rendered twice: keep one of them"},
		{"no Deployment", service, "no Deployment is rendered: add a Deployment"},
		{"Deployments of one label", and(strings.Replace(deployment, "name: web", "name: api", 1)),
			"Deployments api and web select each other's pods: give each a label of its own"},
		{"a Service of two Deployments", strings.ReplaceAll(and(strings.ReplaceAll(deployment, "web", "api"))+"---\napiVersion: v1\nkind: Service\nmetadata: {name: all}\nspec: {selector: {tier: shop}, ports: [{port: 80, targetPort: http}]}\n", "metadata: {labels: {", "metadata: {labels: {tier: shop, "),
			"Service all selects the pods of Deployment api and of Deployment web; this version of kexal moves the users of one Deployment with a Service: narrow its selector"},
		{"Deployments of one name in colours", and(strings.ReplaceAll(deployment, "web", "web-blue")),
			"Deployments web and web-blue would need one name for two of their colours: rename one of them"},
		{"Recreate", with("replicas: 4", "strategy: {type: Recreate}"),
			"Deployment web has strategy Recreate: it cannot run in two colours: use strategy RollingUpdate, if two versions may run at once"},
		{"hostNetwork", with("      containers:", "      hostNetwork: true\n      containers:"),
			"Deployment web uses hostNetwork: it cannot run in two colours: remove hostNetwork"},
		{"hostPort", with("containerPort: 8080", "containerPort: 8080, hostPort: 80"),
			"Deployment web uses a hostPort: it cannot run in two colours: remove hostPort"},
		{"a claim", with("      containers:", "      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n      containers:"),
			"Deployment web mounts a PersistentVolumeClaim: two colours could write to it at once: keep its data outside, or use a StatefulSet"},
		{"the agent's rights", with("      containers:", "      serviceAccountName: kexal\n      containers:"),
			"Deployment web would run with the agent's own rights: use a ServiceAccount of its own"},
		{"the agent's rights by the old field", with("      containers:", "      serviceAccount: kexal\n      containers:"),
			"Deployment web would run with the agent's own rights: use a ServiceAccount of its own"},
		{"a count that is text", with("replicas: 4", `replicas: "4"`), "Deployment web: spec.replicas is 4: write a whole number of pods"},
		{"a count that wraps", with("replicas: 4", "replicas: 4294967296"), "Deployment web: spec.replicas is 4294967296: write a whole number of pods"},
		{"pods that are not selected", with("metadata: {labels: {app: web}}", "metadata: {labels: {app: other}}"),
			"Deployment web: spec.selector.matchLabels does not match the labels of its pod template: make them the same"},
		{"a port that nobody has", with("targetPort: http", "targetPort: grpc"),
			`Service web sends to port "grpc", which no container of Deployment web has: name a container's port so`},
		{"a Service that selects nothing", with("  selector: {app: web}\n  ports", "  selector: {app: wbe}\n  ports"),
			"Service web selects none of the pods of Deployment web: make its selector match the pods' labels, or move it to another directory"},
		{"an ExternalName with a selector", with("spec:\n  selector: {app: web}\n  ports", "spec:\n  type: ExternalName\n  selector: {app: web}\n  ports"),
			"Service web is an ExternalName: use a Service with a selector"},
	} {
		_, err := Read("apps/web", "web", "shop", strategies.Spec{}, objects(t, c.text))
		var mistakes strategies.Mistakes
		if !errors.As(err, &mistakes) || err.Error() != "apps/web: "+c.want {
			t.Errorf("%s:\n got %v\nwant apps/web: %s", c.name, err, c.want)
		}
	}
}

// What rollout.yaml names must be there, and what is there must be named (SPEC 3.3).
func TestNamed(t *testing.T) {
	web := fixture(t, "web.yaml")
	more := web + `---
apiVersion: v1
kind: Service
metadata: {name: admin}
spec: {selector: {app: web}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: database}
spec: {selector: {app: database}}
---
apiVersion: v1
kind: Service
metadata: {name: manual}
spec: {ports: [{port: 80}]}
`
	for _, c := range []struct {
		name string
		spec strategies.Spec
		text string
		want string
	}{
		{"all that select", strategies.Spec{Services: []string{"web", "admin"}, Workloads: []string{"web"}}, more, ""},
		{"one is left out", strategies.Spec{Services: []string{"web"}}, more,
			"Service admin selects the pods of Deployment web and is not in spec.services: add it to spec.services, or narrow its selector"},
		{"one is not there", strategies.Spec{Services: []string{"web", "wbe"}}, web,
			"spec.services names wbe, which is not rendered: name a Service of this directory"},
		{"one is somebody else's", strategies.Spec{Services: []string{"web", "admin", "database"}}, more,
			"Service database selects none of the pods of Deployment web: make its selector match the pods' labels"},
		{"one has no selector", strategies.Spec{Services: []string{"web", "admin", "manual"}}, more,
			"Service manual has no selector: kexal never takes such a Service as its own: give it a selector"},
		{"a workload is not there", strategies.Spec{Workloads: []string{"api"}}, web,
			"spec.workloads names api, which is not rendered: name a Deployment of this directory"},
	} {
		r, err := Read("apps/web", "web", "shop", c.spec, objects(t, c.text))
		switch {
		case c.want == "" && (err != nil || len(r.Services) != 2):
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || err.Error() != "apps/web: "+c.want):
			t.Errorf("%s:\n got %v\nwant apps/web: %s", c.name, err, c.want)
		}
	}
}

// What kexal sets is nobody else's, neither on the pods nor in a selector (SPEC 5.1).
func TestServiceByColor(t *testing.T) {
	text := swap(t, fixture(t, "web.yaml"), "metadata: {labels: {app: web}}", "metadata: {labels: {app: web, kexal.dev/color: blue}}")
	text = swap(t, text, "  selector: {app: web}\n  ports", "  selector: {app: web, kexal.dev/color: blue}\n  ports")
	_, err := Read("apps/web", "web", "shop", strategies.Spec{}, objects(t, text))
	want := "apps/web: Deployment web has the label kexal.dev/color on its pods, which kexal sets: remove the label\n" +
		"apps/web: Service web selects by kexal.dev/color, which kexal sets: remove it from the selector"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// All that is wrong is said at once: an author mends a directory in one go.
func TestAllAtOnce(t *testing.T) {
	text := swap(t, fixture(t, "web.yaml"), "replicas: 4", "strategy: {type: Recreate}")
	text = swap(t, text, "      containers:", "      hostNetwork: true\n      containers:")
	text = swap(t, text, "targetPort: http", "targetPort: grpc")
	_, err := Read("apps/web", "web", "shop", strategies.Spec{}, objects(t, text))
	var mistakes strategies.Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) != 3 {
		t.Errorf("got %v", err)
	}
}
