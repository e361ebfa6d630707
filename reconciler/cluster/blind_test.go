package cluster

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A watch that the server refuses for want of a right is told with its rule until the server
// grants that watch again; one that only breaks is not, and nor is one that is refused while
// a token is renewed (SPEC 6.10).
func TestBlind(t *testing.T) {
	woken := 0
	b := blindness{kinds: map[string]*Refusal{}, wake: func() { woken++ }}
	pods := schema.GroupResource{Resource: "pods"}
	forbidden := apierrors.NewForbidden(pods, "", errors.New(`User "system:serviceaccount:shop:kexal" cannot watch resource "pods" in API group "" in the namespace "shop"`))
	for _, passes := range []error{errors.New("connection refused"), apierrors.NewUnauthorized("expired"), apierrors.NewResourceExpired("too old")} {
		b.refused("Pod", passes)
	}
	if no := b.to("Pod"); no != nil || woken > 0 {
		t.Errorf("what passes is told: %v, woken %d times", no, woken)
	}
	b.refused("Pod", forbidden)
	b.refused("Pod", forbidden)
	if no := b.to("Pod"); no == nil || !strings.HasPrefix(no.Error(), "watch pods is refused: ") ||
		!strings.HasSuffix(no.Error(), `: add {apiGroups: [""], resources: [pods], verbs: [get, list, watch]} to the rules of the agent's Role`) || woken != 1 {
		t.Errorf("it says %v, woken %d times", no, woken)
	}
	if b.to("Pod") == nil || b.to("Service") != nil {
		t.Error("it is blind to another kind")
	}

	code := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
	defer server.Close()
	client := &http.Client{Transport: b.watches(http.DefaultTransport)}
	ask := func(path string) {
		answer, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	ask("/api/v1/namespaces/shop/pods?limit=1")
	ask("/api/v1/namespaces/shop/services?watch=true")
	code = http.StatusForbidden
	ask("/api/v1/namespaces/shop/pods?watch=true")
	if b.to("Pod") == nil {
		t.Error("something else than that watch ends it")
	}
	code = http.StatusOK
	ask("/api/v1/namespaces/shop/pods?watch=true")
	if no := b.to("Pod"); no != nil || woken != 2 {
		t.Errorf("the watch is granted, and it says %v, woken %d times", no, woken)
	}
}

// withoutPods are watches of which the server refuses that of pods, as long as it does.
type withoutPods struct {
	stores
	refused *bool
}

func (w withoutPods) Refused(kind string) *Refusal {
	if kind != "Pod" || !*w.refused {
		return nil
	}
	return &Refusal{What: "watch pods", Words: "forbidden"}
}

// While a kind cannot be seen every rollout is held, and says why: what is seen of it may not be
// so any more (SPEC 6.9, 6.10).
func TestBlindHolds(t *testing.T) {
	w, refused := newWire(t), true
	w.watches = withoutPods{w.stores, &refused}
	if s := w.Observe(noon, inFlight()); !strings.Contains(s.Held, "watch pods is refused: forbidden") || s.Obstacle == nil {
		t.Errorf("it is held by %q", s.Held)
	}
	refused = false
	if s := w.Observe(noon, inFlight()); s.Held != "" {
		t.Errorf("it is still held by %q", s.Held)
	}
}
