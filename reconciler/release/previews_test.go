package release

import (
	"encoding/json"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// A preview is built from what is harmless of its Service, never copied less what is not: an
// outside address, a node's port or a load balancer would take live traffic (SPEC 6.12, K39).
func TestPreviewOfAnything(t *testing.T) {
	const service = `---
apiVersion: v1
kind: Service
metadata:
  name: outside
  labels: {team: shop}
  annotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb, external-dns.alpha.kubernetes.io/hostname: shop.example}
spec:
  type: LoadBalancer
  selector: {app: web}
  clusterIP: 10.0.0.9
  clusterIPs: [10.0.0.9]
  externalIPs: [192.0.2.7]
  loadBalancerIP: 192.0.2.8
  loadBalancerClass: example.com/nlb
  loadBalancerSourceRanges: [0.0.0.0/0]
  externalTrafficPolicy: Local
  internalTrafficPolicy: Local
  healthCheckNodePort: 30001
  publishNotReadyAddresses: true
  ipFamilyPolicy: SingleStack
  sessionAffinity: ClientIP
  ports: [{name: http, port: 80, targetPort: http, nodePort: 30000, appProtocol: http}]
`
	text := fixture(t, "web.yaml") + service
	r, err := Read("apps/web", "web", "shop", strategies.Spec{Previews: true}, objects(t, text))
	if err != nil {
		t.Fatal(err)
	}
	preview := r.Service("outside-preview")
	if preview == nil {
		t.Fatal("there is none")
	}
	const want = `{"apiVersion":"v1","kind":"Service","metadata":{"annotations":{"kexal.dev/preview-of":"outside"},"name":"outside-preview","namespace":"shop"},` +
		`"spec":{"ipFamilyPolicy":"SingleStack","ports":[{"appProtocol":"http","name":"http","port":80,"targetPort":"http"}],"selector":{"app":"web"},"sessionAffinity":"ClientIP","type":"ClusterIP"}}`
	if got, _ := json.Marshal(preview.Object); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What kexal made for a rollout says so twice: the label alone is on every object of the
// rollout, the annotation alone may be copied by a hand.
func TestMadePreview(t *testing.T) {
	for _, c := range []struct {
		label, of string
		want      bool
	}{{"web", "outside", true}, {"web", "", false}, {"api", "outside", false}, {"", "outside", false}} {
		svc := objects(t, "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n")[0]
		svc.SetLabels(map[string]string{LabelRollout: c.label})
		if c.of != "" {
			note(svc, NotePreview, c.of)
		}
		if got := MadePreview(svc, "web"); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// With nodePort: auto the preview of a Service with node ports has some too, which are not the
// Service's (SPEC 3.4, K39).
func TestPreviewNodePort(t *testing.T) {
	const services = "---\napiVersion: v1\nkind: Service\nmetadata: {name: node}\nspec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http, nodePort: 30000}]}\n" +
		"---\napiVersion: v1\nkind: Service\nmetadata: {name: balanced}\nspec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http, nodePort: 30001}]}\n"
	for _, c := range []struct {
		auto bool
		want map[string]string
	}{
		{true, map[string]string{"node-preview": "NodePort", "balanced-preview": "ClusterIP", "web-preview": "ClusterIP"}},
		{false, map[string]string{"node-preview": "ClusterIP", "balanced-preview": "ClusterIP", "web-preview": "ClusterIP"}},
	} {
		r, err := Read("apps/web", "web", "shop", strategies.Spec{Previews: true, PreviewNodePort: c.auto}, objects(t, fixture(t, "web.yaml")+services))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range c.want {
			p := r.Service(name)
			if got := at(t, p.Object, "spec", "type"); got != want || at(t, p.Object, "spec", "ports", 0, "nodePort") != nil {
				t.Errorf("auto %v: %s is %v with %v", c.auto, name, got, at(t, p.Object, "spec", "ports"))
			}
		}
	}
}
