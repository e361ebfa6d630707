package release

import (
	"strings"
	"testing"
)

const ingress = `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: outside}
spec:
  rules:
  - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: PORT}}}}]}
`

// An Ingress may lead only to ports that a Service has in both revisions: the Service's own
// go back with its colour, and the Ingress does not (SPEC 5.18).
func TestRoutes(t *testing.T) {
	web := swap(t, fixture(t, "web.yaml"), "{port: 80, targetPort: http}", "{name: http, port: 80, targetPort: http}")
	renamed := strings.ReplaceAll(web, "http", "front")
	both := func(text, port string) string { return text + strings.ReplaceAll(ingress, "PORT", port) }
	stable := read(t, both(web, "http")).Track("c1")
	none := func(string) bool { return false }
	for _, c := range []struct{ what, text, want string }{
		{"the port stays", strings.ReplaceAll(both(web, "http"), "web:v1", "web:v2"), ""},
		{"the port gets another name", both(renamed, "front"), `Ingress outside leads to port front of Service web, which stable's does not have: add the port to the Service in a commit of its own first`},
	} {
		got := ""
		if err := read(t, c.text).Spans(stable, none); err != nil {
			got = strings.TrimPrefix(err.Error(), ": ")
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.what, got, c.want)
		}
	}
}
