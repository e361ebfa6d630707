package release

import (
	"encoding/json"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// An Ingress that leads to a Service with a preview has one too: the same paths at a host of its own,
// built from what is harmless (SPEC 6.12).
func TestPreviewIngress(t *testing.T) {
	const ingress = `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  labels: {team: shop}
  annotations:
    nginx.ingress.kubernetes.io/rewrite-target: /$1
    nginx.ingress.kubernetes.io/canary: "true"
    external-dns.alpha.kubernetes.io/hostname: shop.example
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: web, port: {number: 80}}}
  tls:
  - {hosts: [shop.example, "*.shop.example"], secretName: shop-tls}
  - {hosts: ["*.example"], secretName: all-tls}
  rules:
  - host: shop.example
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /blog, pathType: Prefix, backend: {service: {name: blog, port: {number: 80}}}}
  - host: "*.shop.example"
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
  - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`
	of := func(text string) *Release {
		t.Helper()
		r, err := Read("apps/web", "web", "shop", strategies.Spec{Previews: true, PreviewHost: "preview."}, objects(t, text))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	find := func(r *Release, name string) string {
		for _, o := range r.Others {
			if o.GetKind() == "Ingress" && o.GetName() == name {
				text, _ := json.Marshal(o.Object)
				return string(text)
			}
		}
		return ""
	}
	const want = `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"annotations":{"kexal.dev/preview-of":"shop","nginx.ingress.kubernetes.io/rewrite-target":"/$1"},"name":"shop-preview","namespace":"shop"},` +
		`"spec":{"ingressClassName":"nginx","rules":[{"host":"preview.shop.example","http":{"paths":[{"backend":{"service":{"name":"web-preview","port":{"number":80}}},"path":"/","pathType":"Prefix"}]}}],` +
		`"tls":[{"hosts":["preview.shop.example"],"secretName":"shop-tls-preview"}]}}`
	if got := find(of(fixture(t, "web.yaml")+ingress), "shop-preview"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	const own = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: shop-preview}\nspec: {rules: [{host: try.example}]}\n"
	if got := find(of(fixture(t, "web.yaml")+ingress+own), "shop-preview"); got != `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"shop-preview","namespace":"shop"},"spec":{"rules":[{"host":"try.example"}]}}` {
		t.Errorf("the Ingress of that name in Git is not used: %s", got)
	}
	const elsewhere = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: blog}\nspec: {rules: [{host: blog.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: blog, port: {number: 80}}}}]}}]}\n"
	if got := find(of(fixture(t, "web.yaml")+elsewhere), "blog-preview"); got != "" {
		t.Errorf("what leads to no preview has one: %s", got)
	}
}
