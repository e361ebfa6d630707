package cluster

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What belongs to no rollout is written over exactly what was read, with no label of a
// rollout, and is none itself (SPEC 7.3).
func TestTellAgent(t *testing.T) {
	w := newWire(t)
	if err := w.TellAgent(t.Context(), w.ReadAgent(), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "kexal.agent", "namespace": "shop", "uid": "u1", "resourceVersion": "7"},
		"data":     map[string]any{"status.json": "{}"}}}
	if err := w.stores["ConfigMap"].Add(o); err != nil {
		t.Fatal(err)
	}
	record := w.ReadAgent()
	if !record.Found || record.Status != "{}" || len(w.Rollouts()) != 0 {
		t.Errorf("read %+v; rollouts %v", record, w.Rollouts())
	}
	if err := w.TellAgent(t.Context(), record, []byte(`{"phase":"Healthy"}`)); err != nil {
		t.Fatal(err)
	}
	if len(w.asks) != 2 || !strings.HasPrefix(w.asks[0], "create shop/configmaps") || strings.Contains(w.asks[0], "kexal.dev/rollout") ||
		!strings.HasPrefix(w.asks[1], "patch shop/configmaps kexal.agent") || !strings.Contains(w.asks[1], `"resourceVersion":"7","uid":"u1"`) {
		t.Errorf("asked for\n%s", strings.Join(w.asks, "\n"))
	}
	if rollout, any := w.rolloutOf("ConfigMap", o); rollout != "kexal.agent" || any {
		t.Errorf("its event wakes %q, %v", rollout, any)
	}
}
