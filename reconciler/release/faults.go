package release

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/strategies"
)

// faults collects what is wrong with a release.
type faults struct {
	dir string
	all strategies.Mistakes
}

func (f *faults) add(fix, format string, args ...any) {
	f.all = append(f.all, &strategies.Mistake{Path: f.dir, Err: fmt.Errorf(format, args...), Fix: fix})
}

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
		f.add("take it out of this directory", "%s (%s) is not a kind that this version of kexal applies", name, o.GetAPIVersion())
	}
	if ns := o.GetNamespace(); ns != "" && ns != namespace {
		f.add("remove its namespace", "%s is for namespace %s; this agent writes to %s alone", name, ns, namespace)
	}
	if o.GetName() == "kexal" || strings.HasPrefix(o.GetName(), "kexal-") || strings.HasPrefix(o.GetName(), "kexal.") {
		f.add("give it another name", "%s would be the agent's own", name)
	}
	for k := range o.GetLabels() {
		if k == LabelColor || k == LabelRevision || k == LabelRollout {
			f.add("remove the label", "%s has the label %s, which kexal sets", name, k)
		}
	}
}

// workload finds the one Deployment that is coloured.
func (f *faults) workload(spec strategies.Spec, found []*unstructured.Unstructured) *unstructured.Unstructured {
	for _, name := range spec.Workloads {
		if !slices.ContainsFunc(found, func(o *unstructured.Unstructured) bool { return o.GetName() == name }) {
			f.add("name a Deployment of this directory", "spec.workloads names %s, which is not rendered", name)
		}
	}
	switch {
	case len(f.all) > 0:
	case len(found) == 0:
		f.add("add a Deployment", "no Deployment is rendered")
	case len(found) > 1:
		f.add("give each a directory and a rollout.yaml of its own", "%d Deployments are rendered; this version of kexal releases one at a time", len(found))
	default:
		return found[0]
	}
	return nil
}

// coloured: what cannot run twice at once, or holds the agent's credentials, is refused
// (SPEC 5.2).
func (f *faults) coloured(w *unstructured.Unstructured) {
	name := "Deployment " + w.GetName()
	if kind, _, _ := unstructured.NestedString(w.Object, "spec", "strategy", "type"); kind == "Recreate" {
		f.add("use strategy RollingUpdate, if two versions may run at once", "%s has strategy Recreate: it cannot run in two colours", name)
	}
	pod, _, _ := unstructured.NestedMap(w.Object, "spec", "template", "spec")
	if on, _ := pod["hostNetwork"].(bool); on {
		f.add("remove hostNetwork", "%s uses hostNetwork: it cannot run in two colours", name)
	}
	if sa, _ := pod["serviceAccountName"].(string); sa == "kexal" {
		f.add("use a ServiceAccount of its own", "%s would run with the agent's own rights", name)
	}
	for _, c := range containers(w, "containers") {
		list, _ := c["ports"].([]any)
		for _, p := range list {
			if m, _ := p.(map[string]any); m["hostPort"] != nil {
				f.add("remove hostPort", "%s uses a hostPort: it cannot run in two colours", name)
			}
		}
	}
	volumes, _ := pod["volumes"].([]any)
	for _, v := range volumes {
		if m, _ := v.(map[string]any); m["persistentVolumeClaim"] != nil {
			f.add("keep its data outside, or use a StatefulSet", "%s mounts a PersistentVolumeClaim: two colours could write to it at once", name)
		}
	}
	if labels, _, _ := unstructured.NestedStringMap(w.Object, "spec", "selector", "matchLabels"); !matches(labels, podLabels(w)) {
		f.add("make them the same", "%s: spec.selector.matchLabels does not match the labels of its pod template", name)
	}
}

// services are those that select the workload's pods, or those that are named.
func (f *faults) services(spec strategies.Spec, found []*unstructured.Unstructured, w *unstructured.Unstructured) []*unstructured.Unstructured {
	byName := map[string]*unstructured.Unstructured{}
	var ours []*unstructured.Unstructured
	for _, s := range found {
		byName[s.GetName()] = s
		if matches(selector(s), podLabels(w)) {
			ours = append(ours, s)
		}
	}
	for _, name := range spec.Services {
		switch s := byName[name]; {
		case s == nil:
			f.add("name a Service of this directory", "spec.services names %s, which is not rendered", name)
		case len(selector(s)) == 0:
			f.add("give it a selector", "Service %s has no selector: kexal never takes such a Service as its own", name)
		case !matches(selector(s), podLabels(w)):
			f.add("make its selector match the pods' labels", "Service %s selects none of the pods of Deployment %s", name, w.GetName())
		}
	}
	for _, s := range ours {
		if spec.Services != nil && !slices.Contains(spec.Services, s.GetName()) {
			f.add("add it to spec.services, or narrow its selector", "Service %s selects the pods of Deployment %s and is not in spec.services", s.GetName(), w.GetName())
		}
		if kind, _, _ := unstructured.NestedString(s.Object, "spec", "type"); kind == "ExternalName" {
			f.add("use a Service with a selector", "Service %s is an ExternalName", s.GetName())
		}
		for k := range selector(s) {
			if k == LabelColor || k == LabelRevision {
				f.add("remove it from the selector", "Service %s selects by %s, which kexal sets", s.GetName(), k)
			}
		}
		for _, p := range servicePorts(s) {
			if target, numeric := p.target(); !numeric {
				if _, ok := ports(w)[target]; !ok {
					f.add("name a container's port so", "Service %s sends to port %q, which no container of Deployment %s has", s.GetName(), target, w.GetName())
				}
			}
		}
	}
	return ours
}

// hashed is a name that ends as kustomize ends those of generated config.
var hashed = regexp.MustCompile(`-[2456789bcdfghkmt]{10}$`)

// config finds the ConfigMaps of the release that its pods use. Config belongs to the
// revision, so its name must change with its content: one without a hash in its name is
// refused (a pod that restarts would read config that was never released with it, K5).
func (f *faults) config(w *unstructured.Unstructured, others []*unstructured.Unstructured) []*unstructured.Unstructured {
	template, _, _ := unstructured.NestedMap(w.Object, "spec", "template")
	names := map[string]bool{}
	references(template, names)
	var used []*unstructured.Unstructured
	for _, o := range others {
		if o.GetKind() != "ConfigMap" || !names[o.GetName()] {
			continue
		}
		if !hashed.MatchString(o.GetName()) {
			f.add("make it with kustomize's configMapGenerator", "the pods of Deployment %s use ConfigMap %s, whose name does not change with its content", w.GetName(), o.GetName())
		}
		used = append(used, o)
	}
	return used
}

// references collects the names of ConfigMaps that a pod template mentions.
func references(v any, names map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			if m, ok := child.(map[string]any); ok && (key == "configMap" || key == "configMapRef" || key == "configMapKeyRef") {
				if name, _ := m["name"].(string); name != "" {
					names[name] = true
				}
			}
			references(child, names)
		}
	case []any:
		for _, child := range v {
			references(child, names)
		}
	}
}

// names: a name that kexal makes must not be one that the release has (K38).
func (f *faults) names(r *Release) {
	taken := map[string]bool{}
	for _, o := range r.Others {
		taken[o.GetKind()+"/"+o.GetName()] = true
	}
	for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
		if name := Colored(r.Workload.GetName(), c); taken["Deployment/"+name] {
			f.add("rename it", "Deployment %s of this directory has the name of a colour of %s", name, r.Workload.GetName())
		}
	}
}
