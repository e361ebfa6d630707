package release

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/strategies"
)

// routes sees to it that an Ingress of the release leads somewhere before the switch and
// after a return too: a Service's ports go with its colour, there and back, and the Ingress
// does not (SPEC 5.18: expand, then routes, then contract).
func (f *faults) routes(r *Release, stable strategies.Track) {
	for _, o := range r.Others {
		if o.GetKind() != "Ingress" {
			continue
		}
		for _, b := range backends(o.Object["spec"]) {
			was := Remembered(&stable, b.service)
			if was == nil || has(was, b.port) {
				continue
			}
			f.add(in(o, "spec", "rules"), "add the port to the Service in a commit of its own first",
				"Ingress %s leads to port %v of Service %s, which stable's does not have", o.GetName(), b.port, b.service)
		}
	}
}

// A backend is where an Ingress leads to; its port is a name or a number.
type backend struct {
	service string
	port    any
}

func backends(v any) []backend {
	var found []backend
	switch v := v.(type) {
	case map[string]any:
		if service, ok := v["service"].(map[string]any); ok {
			name, _ := service["name"].(string)
			port, _ := service["port"].(map[string]any)
			for _, key := range []string{"name", "number"} {
				if port[key] != nil {
					found = append(found, backend{name, port[key]})
				}
			}
		}
		for _, child := range v {
			found = append(found, backends(child)...)
		}
	case []any:
		for _, child := range v {
			found = append(found, backends(child)...)
		}
	}
	return found
}

func has(service *unstructured.Unstructured, port any) bool {
	for _, p := range servicePorts(service) {
		if fmt.Sprint(p["name"]) == fmt.Sprint(port) || fmt.Sprint(p["port"]) == fmt.Sprint(port) {
			return true
		}
	}
	return false
}
