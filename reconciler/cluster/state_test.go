package cluster

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// recorded is the state ConfigMap of rollout web.
func recorded(data map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": data}}
	o.SetName("kexal-web")
	o.SetNamespace("shop")
	o.SetUID("uid-state")
	o.SetResourceVersion("31")
	o.SetLabels(map[string]string{release.LabelRollout: "web"})
	return o
}

// A state is written over exactly the one that was read, and not at all when it says the same;
// one that cannot be read, or that a newer kexal wrote, is never guessed at (SPEC 3.1, 7.1, 7.4).
func TestState(t *testing.T) {
	w := newWire(t)
	r, err := w.Read("web")
	if err != nil || r.Found {
		t.Fatalf("before anything was written: %+v, %v", r, err)
	}
	state := strategies.State{Schema: strategies.SchemaVersion, Epoch: 4}
	if in, err := w.Write(t.Context(), "web", r, state, []byte("{}")); err != nil || in == "" || len(w.asks) != 1 || !strings.HasPrefix(w.asks[0], "create shop/configmaps") {
		t.Fatalf("it asks for %q (%v)", w.asks, err)
	}
	text := `{"schema":2,"epoch":4,"digest":0,"phase":"","reason":"","message":"","since":"0001-01-01T00:00:00Z","source":{"branch":"","path":"","commit":"","subject":"","author":""},"asked":0,"live":0}`
	w.shows(t, recorded(map[string]any{"state.json": text, "status.json": "{}"}))
	if r, err = w.Read("web"); err != nil || !r.Found || r.State.Epoch != 4 || r.Status != "{}" {
		t.Fatalf("read %+v, %v", r, err)
	}
	w.asks = nil
	if in, err := w.Write(t.Context(), "web", r, r.State, []byte("{}")); err != nil || in != "" || len(w.asks) != 0 {
		t.Errorf("with nothing new to say it asks for %q (%v)", w.asks, err)
	}
	for what, status := range map[string]string{"another state": "{}", "another status": `{"phase":"Healthy"}`} {
		w.asks = nil
		next := r.State
		if status == "{}" {
			next.Epoch = 5
		}
		if in, err := w.Write(t.Context(), "web", r, next, []byte(status)); err != nil || in == "" || len(w.asks) != 1 ||
			!strings.Contains(w.asks[0], `"resourceVersion":"31","uid":"uid-state"`) {
			t.Errorf("%s: it asks for %q (%v)", what, w.asks, err)
		}
	}
}

func TestStateThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		`{"schema":3,"epoch":9}`:                   "its state was written by a newer version of kexal: upgrade the agent",
		`{"schema":3,"phase":{"of":"the future"}}`: "its state was written by a newer version of kexal: upgrade the agent",
		`{"schema":1`:                              "ConfigMap kexal-web holds no readable state: ",
		`{"schema":1,"phase":{}}`:                  "ConfigMap kexal-web: ",
	} {
		w := newWire(t)
		w.shows(t, recorded(map[string]any{"state.json": text}))
		r, err := w.Read("web")
		if err == nil || !strings.HasPrefix(err.Error(), want) || !r.Found || errors.Is(err, ErrNewerState) != strings.Contains(text, `"schema":3`) {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
}
