package release

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// NotePreview on a Service that was made names the one it is a preview of.
const NotePreview = "kexal.dev/preview-of"

// previewed are the fields of a Service that its preview has too. It is a list of what is
// harmless: an external address or a load balancer's annotation would take live traffic
// (SPEC 6.12, K39). Its type is ClusterIP, whatever the Service's is, but for preview.nodePort.
var previewed = []string{"ipFamilies", "ipFamilyPolicy", "sessionAffinity", "sessionAffinityConfig"}

// previewedPort are those of a port; a nodePort is not among them.
var previewedPort = []string{"name", "protocol", "appProtocol", "port", "targetPort"}

// previews makes a preview NAME-preview for each Service that is switched (SPEC 3.4). A
// Service of that name in Git is used instead of a made one, and is not switched.
func (f *faults) previews(r *Release, nodePort bool) []*unstructured.Unstructured {
	named := map[string]string{} // the preview's name → the Service's
	for _, s := range r.Services {
		named[made(s.GetName(), "preview")] = s.GetName()
	}
	var switched, all []*unstructured.Unstructured
	for _, s := range r.Services {
		if named[s.GetName()] != "" {
			all = append(all, s)
			delete(named, s.GetName())
			delete(named, made(s.GetName(), "preview")) // a preview has none itself
			continue
		}
		switched = append(switched, s)
	}
	for _, o := range r.Others {
		if of := named[o.GetName()]; of != "" && o.GetKind() == "Service" {
			f.add(in(o, "spec", "selector"), "make its selector match the pods' labels, or rename it", "Service %s has the name of the preview of Service %s and selects none of its pods", o.GetName(), of)
		}
	}
	r.Services = switched
	for _, s := range switched {
		if name := made(s.GetName(), "preview"); named[name] != "" {
			all = append(all, preview(s, name, nodePort))
		}
	}
	slices.SortFunc(all, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all
}

func preview(s *unstructured.Unstructured, name string, nodePort bool) *unstructured.Unstructured {
	p := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service"}}
	p.SetName(name)
	p.SetNamespace(s.GetNamespace())
	note(p, NotePreview, s.GetName())
	spec := map[string]any{}
	from, _, _ := unstructured.NestedMap(s.Object, "spec") // a copy
	take(spec, from, previewed)
	var ports []any
	for _, port := range servicePorts(s) {
		one := map[string]any{}
		take(one, port, previewedPort)
		ports = append(ports, one)
	}
	spec["ports"] = ports
	spec["type"] = "ClusterIP"
	if nodePort && from["type"] == "NodePort" {
		spec["type"] = "NodePort" // with ports of its own, which the server chooses
	}
	spec["selector"] = from["selector"]
	p.Object["spec"] = spec
	return p
}

func take(into, from map[string]any, fields []string) {
	for _, field := range fields {
		if value, found := from[field]; found {
			into[field] = value
		}
	}
}

// MadePreview tells that a live Service is a preview that kexal made for a rollout: it is
// no stranger, also when no release wants it any more.
func MadePreview(live *unstructured.Unstructured, rollout string) bool {
	return live.GetLabels()[LabelRollout] == rollout && live.GetAnnotations()[NotePreview] != ""
}

// Service is a Service or a preview of the release by its name; nil = it has none.
func (r *Release) Service(name string) *unstructured.Unstructured {
	for _, o := range slices.Concat(r.Services, r.Previews) {
		if o.GetName() == name {
			return o
		}
	}
	return nil
}
