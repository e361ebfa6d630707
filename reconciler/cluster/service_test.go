package cluster

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// Truth is what live Services select (SPEC 6.5): exactly what kexal writes for a
// selection, or something else.
func TestServiceSelects(t *testing.T) {
	w := newWire(t)
	for _, c := range []struct {
		name     string
		selector map[string]string
		want     strategies.Selection
	}{
		{"stable", pinned("blue", "aaaaaaaaaa"), strategies.OnlyBlue},
		{"the candidate", pinned("green", "bbbbbbbbbb"), strategies.OnlyGreen},
		{"both", map[string]string{"app": "web"}, strategies.BothColors},
		{"an earlier revision of a colour", pinned("green", "cccccccccc"), strategies.Something},
		{"a colour without a revision", map[string]string{"app": "web", release.LabelColor: "blue"}, strategies.Something},
		{"one label more", map[string]string{"app": "web", "tier": "front"}, strategies.Something},
		{"nothing at all", nil, strategies.Something},
	} {
		if got := w.serviceView("web", service(c.selector, nil), inFlight(), nil); got.Selects != c.want {
			t.Errorf("%s: it selects %q, want %q", c.name, got.Selects, c.want)
		}
	}
	if got := w.serviceView("web", nil, inFlight(), nil); got.Selects != strategies.Nothing || got.Name != "web" {
		t.Errorf("a Service that is not there: %+v", got)
	}
	marked := service(pinned("blue", "aaaaaaaaaa"), map[string]string{release.NoteAborted: "bbbbbbbbbb/1", release.NoteEpoch: "9"})
	if got := w.serviceView("web", marked, inFlight(), nil); got.Aborted != "bbbbbbbbbb/1" || got.Epoch != 9 {
		t.Errorf("its marks are %+v", got)
	}
	// One that is being deleted is absent, and in the way (SPEC 6.8).
	now := metav1.NewTime(noon)
	marked.SetDeletionTimestamp(&now)
	if got := w.serviceView("web", marked, inFlight(), nil); !got.Deleting || got.Selects == strategies.BothColors {
		t.Errorf("while it is deleted it is %+v", got)
	}
}

// An address in a slice is not a pod (K28): endpoints count by the colour of the live
// pod behind them, once for both address families, and only those that are ready. One
// that is terminating is not, even while it still serves.
func TestEndpoints(t *testing.T) {
	yes, no := true, false
	w := newWire(t)
	terminating := endpoint("green-2", &no)
	terminating.Conditions.Serving, terminating.Conditions.Terminating = &yes, &yes
	w.shows(t,
		slice("web-v4", "web", endpoint("blue-1", &yes), endpoint("blue-2", nil), endpoint("green-1", &yes), endpoint("green-3", &no), terminating, endpoint("", &yes), endpoint("gone", &yes)),
		slice("web-v6", "web", endpoint("blue-1", &yes), endpoint("green-1", &yes), endpoint("blue-3", &yes)),
		slice("api-v4", "api", endpoint("green-2", &yes)),
	)
	pods := map[strategies.Color][]*corev1.Pod{}
	for _, p := range []struct{ color, name string }{{"blue", "blue-1"}, {"blue", "blue-2"}, {"blue", "blue-3"}, {"green", "green-1"}, {"green", "green-2"}, {"green", "green-3"}} {
		pods[strategies.Color(p.color)] = append(pods[strategies.Color(p.color)], pod(p.name, p.color, "x", noon))
	}
	got := w.endpoints("web", pods)
	if want := map[strategies.Color]int32{strategies.Blue: 3, strategies.Green: 1}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	if got := w.endpoints("nobody", pods); len(got) != 0 {
		t.Errorf("a Service without slices has %v", got)
	}
}

// A pod belongs to the Deployment that its ReplicaSet is named for: that can be told
// when the Deployment is gone already, and another workload's pods of the same colour
// are not counted.
func TestWorkloadOf(t *testing.T) {
	owned := func(kind, name string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{"kind": "Pod"}}
		if kind != "" {
			o.SetOwnerReferences([]metav1.OwnerReference{{Kind: kind, Name: name}})
		}
		return o
	}
	for _, c := range []struct{ kind, name, want string }{
		{"ReplicaSet", "web-green-5d8f7c6b9", "web-green"},
		{"ReplicaSet", "web-green-blue-5d8f7c6b9", "web-green-blue"},
		{"ReplicaSet", "web", ""},
		{"StatefulSet", "web-green-1", ""},
		{"", "", ""},
	} {
		if got := workloadOf(owned(c.kind, c.name)); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.kind, c.name, got, c.want)
		}
	}
	w := newWire(t)
	other := pod("api-1", "green", "bb", noon)
	other.OwnerReferences[0].Name = "api-green-5d8f7c6b9"
	stray := pod("stray", "green", "bb", noon)
	stray.OwnerReferences = nil
	w.shows(t, pod("web-1", "green", "bb", noon), pod("web-2", "blue", "aa", noon, leaving), other, stray)
	got := w.podsOf("web")
	if len(got[strategies.Green]) != 1 || len(got[strategies.Blue]) != 1 {
		t.Errorf("web has %v", got)
	}
}
