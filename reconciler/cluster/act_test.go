package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

var stamp = strategies.Stamp{Revision: "bbbbbbbbbb", Step: 2, Epoch: 7}

// sight is what was observed: stable in blue with 3 pods, a candidate in green with 1,
// Service web on both.
func sight(t *testing.T, w *wire, green *unstructured.Unstructured) Sight {
	t.Helper()
	w.shows(t, service(map[string]string{"app": "web"}, map[string]string{release.NoteEpoch: "6"}), deployment("blue", "aaaaaaaaaa", 3, map[string]string{release.NoteEpoch: "6"}))
	if green != nil {
		w.shows(t, green)
	}
	return w.Observe(noon, inFlight())
}

// operations are a JSON patch, one a line: what is tested first, then the rest sorted.
func operations(t *testing.T, ask string) []string {
	t.Helper()
	var tests, rest []string
	for _, o := range body(t, ask).([]any) {
		m := o.(map[string]any)
		value, _ := json.Marshal(m["value"])
		line := fmt.Sprintf("%s %s %s", m["op"], m["path"], value)
		switch {
		case m["op"] != "test":
			rest = append(rest, line)
		case len(rest) > 0:
			t.Errorf("%s comes after a change", line)
		default:
			tests = append(tests, line)
		}
	}
	slices.Sort(rest)
	return append(tests, rest...)
}

// A count is one JSON patch: it tests that the Deployment is the one that was seen, that
// nobody changed its spec and that no other epoch wrote it; it pauses and stamps in the
// same write (SPEC 5.4, 6.3). Only a mark of an abort that is not this write's comes off
// (SPEC 6.4).
func TestScale(t *testing.T) {
	fence := []string{`test /metadata/uid "uid-web-x"`, `test /metadata/generation 6`}
	stamped := []string{`add /metadata/annotations/kexal.dev~1epoch "7"`, `add /metadata/annotations/kexal.dev~1revision "bbbbbbbbbb"`, `add /metadata/annotations/kexal.dev~1step "2"`}
	paused := deployment("green", "bbbbbbbbbb", 1, map[string]string{release.NoteEpoch: "6"})
	_ = unstructured.SetNestedField(paused.Object, true, "spec", "paused")
	countless := deployment("green", "bbbbbbbbbb", 1, map[string]string{release.NoteEpoch: "6", release.NoteAborted: "bbbbbbbbbb/1"})
	unstructured.RemoveNestedField(countless.Object, "spec", "replicas")
	epoch := `test /metadata/annotations/kexal.dev~1epoch "6"`
	for _, c := range []struct {
		name  string
		green *unstructured.Unstructured
		tests []string
		acts  []string
	}{
		{"as it was made", deployment("green", "bbbbbbbbbb", 1, map[string]string{release.NoteEpoch: "6"}), []string{epoch},
			[]string{`replace /spec/replicas 3`, `add /spec/paused true`}},
		{"paused already", paused, []string{epoch}, []string{`replace /spec/replicas 3`}},
		{"without a count, and marked", countless, []string{epoch},
			[]string{`add /spec/replicas 3`, `add /spec/paused true`, `remove /metadata/annotations/kexal.dev~1aborted null`}},
		{"without annotations", deployment("green", "bbbbbbbbbb", 1, nil), nil,
			[]string{`replace /spec/replicas 3`, `add /spec/paused true`, `add /metadata/annotations {}`}},
	} {
		w := newWire(t)
		s := sight(t, w, c.green)
		if err := w.Act(context.Background(), s, strategies.State{}, strategies.Scale{Workload: "web", Color: strategies.Green, Count: 3, Stamp: stamp}); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if len(w.asks) != 1 || !strings.HasPrefix(w.asks[0], "patch shop/deployments web-green by kexal-scale, application/json-patch+json\n") {
			t.Fatalf("%s: it asks for %q", c.name, w.asks)
		}
		acts := slices.Concat(c.acts, stamped)
		slices.Sort(acts)
		if got, want := operations(t, w.asks[0]), slices.Concat(fence, c.tests, acts); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
}

// Before any count falls the live Services are read again: the watch may lag behind
// what users get. Growing asks nobody.
func TestScaleDownReadsAgain(t *testing.T) {
	down := strategies.Scale{Workload: "web", Color: strategies.Blue, Count: 1, Stamp: stamp}
	for _, c := range []struct {
		name   string
		change func(w *wire)
		acts   bool
	}{
		{"nothing changed", func(*wire) {}, true},
		{"it was written meanwhile", func(w *wire) {
			moved := w.live["web"].DeepCopy()
			moved.SetResourceVersion("42")
			w.live["web"] = moved
		}, false},
		{"it was deleted meanwhile", func(w *wire) { delete(w.live, "web") }, false},
	} {
		w := newWire(t)
		s := sight(t, w, nil)
		c.change(w)
		err := w.Act(context.Background(), s, strategies.State{}, down)
		if w.reads != 1 || (err == nil) != c.acts || (len(w.asks) == 1) != c.acts {
			t.Errorf("%s: %d reads, %v, it asks for %q", c.name, w.reads, err, w.asks)
		}
		if err != nil && !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v is not for deciding again", c.name, err)
		}
	}
	w := newWire(t)
	s := sight(t, w, nil)
	if err := w.Act(context.Background(), s, strategies.State{}, strategies.Scale{Workload: "web", Color: strategies.Blue, Count: 4, Stamp: stamp}); err != nil || w.reads != 0 {
		t.Errorf("growing: %v after %d reads", err, w.reads)
	}
	if err := w.Act(context.Background(), s, strategies.State{}, strategies.Scale{Workload: "web", Color: strategies.Green, Count: 4, Stamp: stamp}); !errors.Is(err, ErrConflict) {
		t.Errorf("a slot without a Deployment: %v", err)
	}
}

// A slot's Deployment is deleted only as the one that was seen, after the Services were
// read again (SPEC 5.3).
func TestDelete(t *testing.T) {
	w := newWire(t)
	s := sight(t, w, deployment("green", "bbbbbbbbbb", 0, nil))
	if err := w.Act(context.Background(), s, strategies.State{}, strategies.Delete{Workload: "web", Color: strategies.Green}); err != nil {
		t.Fatal(err)
	}
	if len(w.asks) != 1 || w.reads != 1 || !strings.HasPrefix(w.asks[0], "delete shop/deployments web-green ") ||
		!strings.Contains(w.asks[0], `"uid":"uid-web-x"`) || !strings.Contains(w.asks[0], `"resourceVersion":"40"`) || !strings.Contains(w.asks[0], `"propagationPolicy":"Background"`) {
		t.Errorf("after %d reads it asks for %q", w.reads, w.asks)
	}
	if !w.Behind("web") {
		t.Error("the watch still shows it, and the next pass would decide from that")
	}
	if err := w.stores["Deployment"].Delete(deployment("green", "", 0, nil)); err != nil {
		t.Fatal(err)
	}
	if w.Behind("web") {
		t.Error("the watch shows that it is gone, and the rollout still waits")
	}
}

// A switch is an apply of the whole selector and the stamp, and of nothing else of the
// Service, fenced by uid and resourceVersion (SPEC 6.1, 6.3). One that selects this
// already is left alone.
func TestSelect(t *testing.T) {
	w := newWire(t)
	s := sight(t, w, deployment("green", "bbbbbbbbbb", 1, nil))
	next := inFlight().State
	if err := w.Act(context.Background(), s, next, strategies.Select{To: strategies.BothColors, Stamp: stamp}); err != nil || len(w.asks) != 0 {
		t.Fatalf("it selects both already, and it asks for %q (%v)", w.asks, err)
	}
	aborted := stamp
	aborted.Aborted = "bbbbbbbbbb/1"
	if err := w.Act(context.Background(), s, next, strategies.Select{To: strategies.OnlyBlue, Stamp: aborted}); err != nil || len(w.asks) != 1 {
		t.Fatalf("it asks for %q (%v)", w.asks, err)
	}
	if !strings.HasPrefix(w.asks[0], "patch shop/services web by kexal-traffic, application/apply-patch+yaml\n") {
		t.Errorf("it asks %s", w.asks[0])
	}
	got, _ := json.Marshal(body(t, w.asks[0]))
	const want = `{"apiVersion":"v1","kind":"Service","metadata":{"annotations":{"kexal.dev/aborted":"bbbbbbbbbb/1","kexal.dev/epoch":"7","kexal.dev/revision":"bbbbbbbbbb","kexal.dev/step":"2"},` +
		`"name":"web","namespace":"shop","resourceVersion":"41","uid":"uid-web"},"spec":{"selector":{"app":"web","kexal.dev/color":"blue","kexal.dev/revision":"aaaaaaaaaa"}}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// The next act of the same plan is fenced by what this one left.
	if v := s.services["web"].GetResourceVersion(); v != "1000" {
		t.Errorf("the next write is fenced by version %s", v)
	}
}

// Before users are sent to a candidate its Deployment is read again: who slept, or whose watch of pods
// lags, still sees pods that are gone (SPEC 6.5, 5.14). The way back asks nobody.
func TestReadAgainBeforeUsersCome(t *testing.T) {
	for _, c := range []struct {
		name  string
		ready int64
		uid   string // of what is live; empty = nothing is
		to    strategies.Selection
		goes  bool
	}{
		{"somebody is ready", 1, "uid-web-green", strategies.OnlyGreen, true},
		{"nobody is any more", 0, "uid-web-green", strategies.OnlyGreen, false},
		{"it is another one", 1, "uid-another", strategies.OnlyGreen, false},
		{"it is gone", 0, "", strategies.OnlyGreen, false},
		{"it is gone, and users go back", 0, "", strategies.OnlyBlue, true},
	} {
		w := newWire(t)
		s := sight(t, w, deployment("green", "bbbbbbbbbb", 1, nil))
		seen := s.deployments["web"][strategies.Green]
		if c.uid != "" {
			now := seen.DeepCopy()
			if c.uid == "uid-another" {
				now.SetUID("uid-another")
			}
			_ = unstructured.SetNestedField(now.Object, c.ready, "status", "readyReplicas")
			w.live[now.GetName()] = now
		}
		slot := s.Workloads["web"][strategies.Green]
		slot.Ready = 1
		s.Workloads["web"][strategies.Green] = slot
		err := w.Act(context.Background(), s, inFlight().State, strategies.Select{To: c.to, Stamp: stamp})
		if goes := err == nil && len(w.asks) == 1; goes != c.goes || !c.goes && (len(w.asks) != 0 || !errors.Is(err, ErrConflict)) {
			t.Errorf("%s: it asks for %q (%v)", c.name, w.asks, err)
		}
	}
}

// Where nothing can be said about a Service nothing is written: never an empty selector
// (SPEC 5.8, K28).
func TestSelectNothing(t *testing.T) {
	w := newWire(t)
	s := sight(t, w, nil)
	if err := w.Act(context.Background(), s, strategies.State{}, strategies.Select{To: strategies.OnlyGreen, Stamp: stamp}); err != nil || len(w.asks) != 0 {
		t.Errorf("it asks for %q (%v)", w.asks, err)
	}
}

// A mark stamps what moves users and moves nothing: the selector stays as it is live,
// counts are not mentioned, and what has the stamp already is left alone (SPEC 6.3).
func TestMark(t *testing.T) {
	w := newWire(t)
	s := sight(t, w, deployment("green", "bbbbbbbbbb", 1, map[string]string{release.NoteEpoch: "7"}))
	if err := w.Act(context.Background(), s, inFlight().State, strategies.Mark{Stamp: stamp}); err != nil {
		t.Fatal(err)
	}
	if len(w.asks) != 2 || !strings.HasPrefix(w.asks[0], "patch shop/services web by kexal-traffic") || !strings.HasPrefix(w.asks[1], "patch shop/deployments web-blue by kexal-scale") {
		t.Fatalf("it asks for %q", w.asks)
	}
	if selector, _ := json.Marshal(body(t, w.asks[0]).(map[string]any)["spec"]); string(selector) != `{"selector":{"app":"web"}}` {
		t.Errorf("the Service becomes %s", selector)
	}
	if strings.Contains(w.asks[1], "replicas") || !slices.Contains(operations(t, w.asks[1]), `test /metadata/annotations/kexal.dev~1epoch "6"`) {
		t.Errorf("the Deployment is asked %s", w.asks[1])
	}
}

// The mark of an attempt before stays on its slot until something moves there: it tells whose
// pods those are. An abort's own mark takes its place (SPEC 6.4).
func TestMarkOverAnother(t *testing.T) {
	for aborted, want := range map[string]string{"": "bbbbbbbbbb/1", "bbbbbbbbbb/2": "bbbbbbbbbb/2"} {
		w := newWire(t)
		s := sight(t, w, deployment("green", "bbbbbbbbbb", 1, map[string]string{release.NoteEpoch: "6", release.NoteAborted: "bbbbbbbbbb/1"}))
		next := stamp
		next.Aborted = aborted
		if err := w.Act(context.Background(), s, inFlight().State, strategies.Mark{Stamp: next}); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(w.asks, func(ask string) bool { return strings.HasPrefix(ask, "patch shop/deployments web-green") })
		if i < 0 || !slices.Contains(operations(t, w.asks[i]), `add /metadata/annotations/kexal.dev~1aborted "`+want+`"`) {
			t.Errorf("marked %q, it asks for %q", aborted, w.asks)
		}
	}
}
