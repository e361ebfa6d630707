package release

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// previewedNotes are the annotations of an Ingress that its preview has too: how requests are passed
// on and where certificates come from. Any other may be about live traffic: a canary's weight, a name
// in a public DNS, an address (SPEC 6.12).
var previewedNotes = []string{
	"kubernetes.io/ingress.class",
	"cert-manager.io/issuer", "cert-manager.io/cluster-issuer",
	"nginx.ingress.kubernetes.io/rewrite-target", "nginx.ingress.kubernetes.io/use-regex", "nginx.ingress.kubernetes.io/backend-protocol",
	"nginx.ingress.kubernetes.io/ssl-redirect", "nginx.ingress.kubernetes.io/force-ssl-redirect",
	"nginx.ingress.kubernetes.io/proxy-body-size", "nginx.ingress.kubernetes.io/proxy-read-timeout", "nginx.ingress.kubernetes.io/proxy-send-timeout",
}

// previewIngresses makes a preview NAME-preview for each Ingress that leads to a Service with a preview:
// the same paths under a host with a prefix, to the previews. An Ingress of that name in Git is used
// instead. What has no host of its own has no preview: it would be everybody's.
func (r *Release) previewIngresses(prefix string) (made []*unstructured.Unstructured) {
	if prefix == "" {
		return nil
	}
	previewOf := map[string]string{}
	for _, p := range r.Previews {
		if of := p.GetAnnotations()[NotePreview]; of != "" {
			previewOf[of] = p.GetName()
		}
	}
	for _, o := range r.Others {
		if o.GetKind() != "Ingress" || slices.ContainsFunc(r.Others, func(other *unstructured.Unstructured) bool {
			return other.GetKind() == "Ingress" && other.GetName() == previewName(o)
		}) {
			continue
		}
		if p := previewIngress(o, prefix, previewOf); p != nil {
			made = append(made, p)
		}
	}
	return made
}

func previewName(o *unstructured.Unstructured) string { return made(o.GetName(), "preview") }

// previewIngress is one preview; nil = there is nothing to lead to.
func previewIngress(o *unstructured.Unstructured, prefix string, previewOf map[string]string) *unstructured.Unstructured {
	from, _, _ := unstructured.NestedMap(o.Object, "spec") // a copy
	var rules []any
	given, _ := from["rules"].([]any)
	for _, rule := range given {
		m, _ := rule.(map[string]any)
		host, _ := m["host"].(string)
		if host == "" || strings.HasPrefix(host, "*") {
			continue
		}
		http, _ := m["http"].(map[string]any)
		all, _ := http["paths"].([]any)
		var paths []any
		for _, path := range all {
			if p, ok := path.(map[string]any); ok && toPreview(p["backend"], previewOf) {
				paths = append(paths, p)
			}
		}
		if len(paths) > 0 {
			rules = append(rules, map[string]any{"host": prefix + host, "http": map[string]any{"paths": paths}})
		}
	}
	if len(rules) == 0 {
		return nil
	}
	spec := map[string]any{"rules": rules}
	take(spec, from, []string{"ingressClassName"})
	var tls []any
	certificates, _ := from["tls"].([]any)
	for _, c := range certificates {
		m, _ := c.(map[string]any)
		var hosts []any
		list, _ := m["hosts"].([]any)
		for _, h := range list {
			if host, _ := h.(string); host != "" && !strings.HasPrefix(host, "*") {
				hosts = append(hosts, prefix+host)
			}
		}
		if len(hosts) == 0 {
			continue
		}
		one := map[string]any{"hosts": hosts}
		if secret, _ := m["secretName"].(string); secret != "" {
			one["secretName"] = made(secret, "preview")
		}
		tls = append(tls, one)
	}
	if len(tls) > 0 {
		spec["tls"] = tls
	}
	p := &unstructured.Unstructured{Object: map[string]any{"apiVersion": o.GetAPIVersion(), "kind": "Ingress", "spec": spec}}
	p.SetName(previewName(o))
	p.SetNamespace(o.GetNamespace())
	for _, key := range previewedNotes {
		if value, has := o.GetAnnotations()[key]; has {
			note(p, key, value)
		}
	}
	note(p, NotePreview, o.GetName())
	return p
}

// toPreview has a backend lead to the preview of its Service; false = that has none.
func toPreview(backend any, previewOf map[string]string) bool {
	b, _ := backend.(map[string]any)
	service, _ := b["service"].(map[string]any)
	name, _ := service["name"].(string)
	if previewOf[name] == "" {
		return false
	}
	service["name"] = previewOf[name]
	return true
}
