package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// said is a ledger with one last word, that takes none.
type said struct {
	status strategies.Status
	found  bool
	err    error
}

func (s *said) Publish(context.Context, []strategies.Status, *Told) error { return s.err }
func (s *said) Read(context.Context, string) (strategies.Status, bool, error) {
	return s.status, s.found, s.err
}

const (
	serviceYAML = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
	notesYAML   = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {a: \"1\"}\n"
)

// commit is one of rollout web: an image, and the fields under spec: of its rollout.yaml besides
// the strategy, each with a comma.
func commit(image, spec string) fstest.MapFS {
	files := tree("web", strings.Replace(rolloutYAML(""), "spec: {", "spec: {"+spec, 1))
	files["web/web.yaml"].Data = []byte(strings.Replace(manifests, "web:v1", image, 1))
	files["web/service.yaml"] = &fstest.MapFile{Data: []byte(serviceYAML)}
	files["web/notes.yaml"] = &fstest.MapFile{Data: []byte(notesYAML)}
	return files
}

// serving is a namespace in which v1 is stable, beside a ConfigMap of somebody else, and the
// agent that made it so.
func serving(t *testing.T) (acting, *namespace) {
	t.Helper()
	n := newNamespace()
	n.put(&unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "taken"}}})
	r := agent(t, n)
	r.follow(commit("web:v1", ""))
	r.play(t, strategies.Stable)
	n.writes()
	return r, n
}

// inFlight is one in which half of the users are on v2, which waits for a promote.
func inFlight(t *testing.T) (acting, *namespace) {
	t.Helper()
	r, n := serving(t)
	r.follow(commit("web:v2", ""))
	r.play(t, strategies.WaitingForPromote)
	r.pass(t.Context(), "web") // nothing is left to be done
	n.show()
	n.writes()
	return r, n
}

const stateMap = "ConfigMap kexal-web"

// effects are the writes but the state's.
func effects(writes []string) []string {
	return slices.DeleteFunc(slices.Clone(writes), func(w string) bool { return strings.HasSuffix(w, stateMap) })
}

// What raises the candidate's share is recorded first: where nothing can be recorded nothing is
// raised, and what was recorded is there before the first effect (SPEC 6.4).
func TestRecordsBeforeItRaises(t *testing.T) {
	t.Parallel()
	r, n := serving(t)
	r.follow(commit("web:v2", ""))
	n.refuses(func(w request) string {
		if w.object == stateMap {
			return "the state is refused"
		}
		return ""
	})
	var no *cluster.Refusal
	if _, err := r.pass(t.Context(), "web"); !errors.As(err, &no) {
		t.Errorf("it goes on with %v", err)
	}
	if w := effects(n.writes()); len(w) != 0 {
		t.Errorf("with no record it writes %q", w)
	}
	r, n = serving(t)
	r.follow(commit("web:v2", ""))
	if _, err := r.pass(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if w := n.writes(); len(w) < 2 || w[0] != "patch "+stateMap || len(effects(w[:1])) != 0 {
		t.Errorf("it writes %q", w)
	}
}

// An abort acts before its record, and without one: users leave while the state cannot be written.
// What the server refuses holds up no other act (SPEC 5.17, 6.4).
func TestAbortActsWithoutARecord(t *testing.T) {
	t.Parallel()
	r, n := inFlight(t)
	candidate := r.state(t).Candidate
	r.follow(commit("web:v2", "abort: "+quoted(candidate.Revision)+", "))
	n.refuses(func(w request) string {
		if w.object == stateMap || w.object == "Deployment web-green" {
			return "it is refused"
		}
		return ""
	})
	var no *cluster.Refusal
	if _, err := r.pass(t.Context(), "web"); !errors.As(err, &no) {
		t.Fatalf("it comes to %v", err)
	}
	w := n.writes()
	record := slices.Index(w, "patch "+stateMap)
	if record < 0 || slices.Index(w, "patch Service web") < 0 || slices.Index(w, "patch Deployment web-blue") < 0 || record != len(w)-1 {
		t.Errorf("it writes %q", w)
	}
	if pods, _, _ := unstructured.NestedInt64(n.live("Deployment", "web-blue").Object, "spec", "replicas"); pods != 2 {
		t.Errorf("stable has %d pods", pods)
	}
	if mark := n.live("Service", "web").GetAnnotations()[release.NoteAborted]; mark != candidate.Revision+"/1" {
		t.Errorf("the Service bears %q", mark)
	}
	// What was refused is left alone for a minute; the rest goes on (SPEC 6.6).
	n.settle()
	n.show()
	if _, err := r.pass(t.Context(), "web"); !errors.As(err, &no) {
		t.Errorf("the second pass comes to %v", err)
	}
	if w := n.writes(); !slices.Equal(w, []string{"patch Service web"}) {
		t.Errorf("then it writes %q", w)
	}
}

func quoted(revision string) string { return fmt.Sprintf("%q", revision) }

// A process that takes over in flight records a later epoch and stamps it on every object before
// anything moves; the one before it ends at its next pass and writes nothing (SPEC 6.3).
func TestTakesOver(t *testing.T) {
	t.Parallel()
	old, n := inFlight(t)
	was := old.state(t)
	next := agent(t, n)
	next.follow(commit("web:v2", "promote: "+quoted(was.Candidate.Revision)+", "))
	n.show()
	if _, err := next.pass(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if w := n.writes(); len(w) != 4 || w[0] != "patch "+stateMap {
		t.Errorf("it writes %q", w)
	}
	epoch := fmt.Sprint(was.Epoch + 1)
	for _, o := range []*unstructured.Unstructured{n.live("Service", "web"), n.live("Deployment", "web-blue"), n.live("Deployment", "web-green")} {
		if got := o.GetAnnotations()[release.NoteEpoch]; got != epoch || next.state(t).Step != was.Step {
			t.Errorf("%s bears epoch %s, the state is %+v", o.GetName(), got, next.state(t))
		}
	}
	n.show()
	if _, err := old.pass(t.Context(), "web"); !errors.Is(err, errSuperseded) {
		t.Errorf("the old one goes on with %v", err)
	}
	if w := n.writes(); len(w) != 0 {
		t.Errorf("it writes %q", w)
	}
}

// A process that takes over a rollout at rest writes nothing: the new epoch comes with the next
// record (SPEC 6.3).
func TestTakesOverAtRest(t *testing.T) {
	t.Parallel()
	old, n := serving(t)
	was := old.state(t)
	next := agent(t, n)
	next.follow(commit("web:v1", ""))
	for range 2 {
		n.show()
		if _, err := next.pass(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
	}
	if w := n.writes(); len(w) != 0 || next.state(t).Epoch != was.Epoch {
		t.Errorf("it writes %q, in epoch %d", w, next.state(t).Epoch)
	}
}

// What a process tells at rest in its predecessor's words and epoch, as after an upgrade that tells
// it otherwise, makes that epoch none of its own: its first record raises it (SPEC 6.3). Both went on
// in one epoch once, and wrote over each other's state.
func TestTellsBeforeItTakesOver(t *testing.T) {
	t.Parallel()
	old, n := serving(t)
	was := old.state(t)
	told := n.live("ConfigMap", "kexal-web")
	if err := unstructured.SetNestedField(told.Object, "{}", "data", "status.json"); err != nil {
		t.Fatal(err)
	}
	n.put(told)
	next := agent(t, n)
	next.follow(commit("web:v1", ""))
	n.show()
	if _, err := next.pass(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if w := n.writes(); !slices.Equal(w, []string{"patch " + stateMap}) || next.state(t).Epoch != was.Epoch {
		t.Errorf("it tells %q, in epoch %d", w, next.state(t).Epoch)
	}
	next.follow(commit("web:v2", ""))
	if _, err := next.pass(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if s := next.state(t); s.Candidate == nil || s.Epoch != was.Epoch+1 {
		t.Errorf("it begins in epoch %d, after %d", s.Epoch, was.Epoch)
	}
}

// An epoch is of the state that it was recorded in. When a hand deletes that, another agent that
// makes it anew may come to the same number: who recorded it before takes over like anybody (SPEC 6.3).
func TestEpochOfAnotherState(t *testing.T) {
	t.Parallel()
	r, n := inFlight(t)
	was := r.state(t)
	state := n.live("ConfigMap", "kexal-web")
	n.server.Remove("ConfigMap", "kexal-web")
	state.SetUID("")
	state.SetResourceVersion("")
	n.put(state)
	n.show()
	if _, err := r.pass(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if s := r.state(t); s.Epoch != was.Epoch+1 {
		t.Errorf("it goes on in epoch %d, after %d in the state before", s.Epoch, was.Epoch)
	}
}

// An agent whose watch of the state is behind that of the objects writes nothing: what bears a
// later epoch than the state was written by another one. Where the server says that there is no
// such state, a hand wrote it, and the rollout goes on above it (SPEC 6.3).
func TestLaterEpochOnObjects(t *testing.T) {
	t.Parallel()
	old, n := inFlight(t)
	was := old.state(t)
	n.see("ConfigMap", false)
	next := agent(t, n)
	next.follow(commit("web:v2", ""))
	if _, err := next.pass(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	n.writes()
	if seen := old.sight(was).Epoch; seen <= was.Epoch {
		t.Fatalf("it sees epoch %d", seen)
	}
	if _, err := old.pass(t.Context(), "web"); !errors.Is(err, cluster.ErrConflict) {
		t.Errorf("it goes on with %v", err)
	}
	if w := n.writes(); len(w) != 0 {
		t.Errorf("it writes %q", w)
	}

	r, n := inFlight(t)
	svc := n.live("Service", "web")
	svc.SetAnnotations(map[string]string{release.NoteEpoch: "90"})
	n.put(svc)
	n.show()
	if _, err := r.pass(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if s := r.state(t); s.Epoch != 91 {
		t.Errorf("it goes on in epoch %d", s.Epoch)
	}
}

// No decision is taken from a world before our own writes (SPEC 6.3).
func TestWaitsForItsOwnWrites(t *testing.T) {
	t.Parallel()
	r, n := serving(t)
	r.follow(commit("web:v2", ""))
	n.see("Deployment", false)
	for range 10 { // some write nothing that is watched there
		n.show()
		if n.live("Deployment", "web-green") != nil {
			break
		}
		if _, err := r.pass(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
	}
	n.writes()
	if _, err := r.pass(t.Context(), "web"); !errors.Is(err, errBehind) {
		t.Errorf("it decides with %v", err)
	}
	if w := n.writes(); len(w) != 0 {
		t.Errorf("it writes %q", w)
	}
	n.see("Deployment", true)
	n.settle()
	r.play(t, strategies.WaitingForPromote)
}

// The server is asked about a whole release before the first of it is written; what it refuses
// holds the commit, and is asked again after a minute (SPEC 6.7).
func TestAsksBeforeTheFirstWrite(t *testing.T) {
	t.Parallel()
	r, n := serving(t)
	r.follow(commit("web:v2", ""))
	asks := 0
	n.refuses(func(w request) string {
		if w.dry && strings.HasPrefix(w.object, "Pod ") {
			asks++
			return "violates PodSecurity"
		}
		return ""
	})
	for range 3 {
		if _, err := r.pass(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
		n.show()
	}
	if w := effects(n.writes()); len(w) != 0 || asks != 1 {
		t.Errorf("asked %d times, and it writes %q", asks, w)
	}
	if s := r.state(t); s.Reason != strategies.Held || !strings.Contains(s.Message, "violates PodSecurity") || s.Stable == nil {
		t.Errorf("it says %s: %s", s.Reason, s.Message)
	}
}

// A commit that is held, or that took the rollout away, changes nothing that is there: its
// objects are kept (SPEC 1.4, 6.9).
func TestHeldAndRemoved(t *testing.T) {
	t.Parallel()
	broken := commit("web:v2", "")
	broken["web/notes.yaml"].Data = []byte(strings.Replace(notesYAML, "notes", "kexal-notes", 1))
	mistaken := commit("web:v2", "unknown: 1, ")
	taken := commit("web:v2", "")
	taken["web/more.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(notesYAML, "notes", "taken", 1))}
	apart := commit("web:v2", "")
	apart["web/web.yaml"].Data = []byte(strings.Replace(string(apart["web/web.yaml"].Data), "labels: {app: web}", "labels: {app: web, tier: front}", 1))
	apart["web/service.yaml"].Data = []byte(strings.Replace(serviceYAML, "selector: {app: web}", "selector: {app: web, tier: front}", 1))
	for what, c := range map[string]struct {
		tree fs.FS
		says string
		gone string // a Service that a hand deleted meanwhile; what is held is not made again
	}{
		"a mistake in rollout.yaml":         {mistaken, "unknown", "web"},
		"an object that is refused":         {broken, "would be the agent's own", ""},
		"an object of somebody else":        {taken, "ConfigMap taken is there already and is not part of rollout web", ""},
		"the same, and a Service is gone":   {taken, "ConfigMap taken is there already and is not part of rollout web", "web"},
		"a Service that cannot select both": {apart, "which stable's pods do not have", ""},
		"the directory is gone":             {tree("api", rolloutYAML("namespace: elsewhere")), "rollout.yaml is removed from Git; objects kept", "web"},
	} {
		r, n := serving(t)
		r.follow(c.tree)
		if c.gone != "" {
			n.server.Remove("Service", c.gone)
			n.show()
		}
		for range 3 {
			if _, err := r.pass(t.Context(), "web"); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			n.show()
		}
		if w := effects(n.writes()); len(w) != 0 {
			t.Errorf("%s: it writes %q", what, w)
		}
		if s := r.state(t); s.Reason != strategies.Held || s.Phase != strategies.Degraded || !strings.Contains(s.Message, c.says) {
			t.Errorf("%s: it says %s %s: %s", what, s.Phase, s.Reason, s.Message)
		}
	}
}

// What a commit is held for holds the next agent too, which cannot read the mirror yet: by its
// mistakes, and where stable's labels are why; also when something was in the way for a while. A pause
// that is over leads nowhere (SPEC 6.9).
func TestHeldWithoutTheMirror(t *testing.T) {
	t.Parallel()
	apart := commit("web:v3", "")
	apart["web/web.yaml"].Data = []byte(strings.Replace(string(apart["web/web.yaml"].Data), "labels: {app: web}", "labels: {app: web, tier: front}", 1))
	apart["web/service.yaml"].Data = []byte(strings.Replace(serviceYAML, "selector: {app: web}", "selector: {app: web, tier: front}", 1))
	for what, tree := range map[string]fs.FS{"a mistake": commit("web:v2", "unknown: 1, "), "stable's labels": apart} {
		r, n := inFlight(t)
		r.follow(tree)
		if _, err := r.pass(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
		was := r.state(t)
		if was.Reason != strategies.Held || was.Candidate == nil {
			t.Fatalf("%s: it says %s: %s", what, was.Reason, was.Message)
		}
		ours := n.live("Service", "web")
		theirs := ours.DeepCopy()
		theirs.SetLabels(nil)
		n.put(theirs)
		n.show()
		if _, err := r.pass(t.Context(), "web"); err != nil { // also by who has something in the way when it dies
			t.Fatal(err)
		}
		if s := r.state(t); s.Reason != strategies.Held || what != "a mistake" && !strings.Contains(s.Message, "Service web is there already") {
			t.Errorf("%s: it says %s: %s", what, s.Reason, s.Message)
		}
		ours.SetResourceVersion("")
		n.put(ours)
		next := agent(t, n)
		pass := func(says string) {
			t.Helper()
			for range 2 { // the first of a process stamps its epoch
				n.show()
				if _, err := next.pass(t.Context(), "web"); err != nil {
					t.Fatal(err)
				}
			}
			if s := next.state(t); s.Reason != strategies.Held || !strings.Contains(s.Message, says) {
				t.Errorf("%s: it says %s: %s", what, s.Reason, s.Message)
			}
		}
		pass(was.Message)
		theirs.SetResourceVersion("")
		n.put(theirs)
		pass("Service web is there already")
		ours.SetResourceVersion("")
		n.put(ours)
		n.line.RunTo(n.line.Now().Add(time.Hour))
		pass(was.Message)
	}
}

// That rollout.yaml is gone is known to the next agent too, which cannot read the mirror yet (SPEC 1.4,
// 6.9): it scaled the way back down once, and called that Healthy.
func TestRemovedWithoutTheMirror(t *testing.T) {
	t.Parallel()
	r, n := serving(t)
	r.follow(tree("api", rolloutYAML("namespace: elsewhere")))
	pass := func(r acting) strategies.State {
		n.show()
		if _, err := r.pass(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
		return r.state(t)
	}
	was, now := pass(r), pass(agent(t, n))
	if len(now.Mistakes) != 1 || was.Reason != strategies.Held || now.Reason != strategies.Held || now.Message != was.Message || !strings.Contains(was.Message, "removed from Git") {
		t.Errorf("it says %s: %s, and the next one %s: %s", was.Reason, was.Message, now.Reason, now.Message)
	}
	n.writes()
	n.line.RunTo(n.line.Now().Add(time.Hour))
	if now = pass(agent(t, n)); now.Reason != strategies.Held || len(effects(n.writes())) > 0 {
		t.Errorf("an hour later it says %s: %s", now.Reason, now.Message)
	}
}

// The mistakes of a large file fit into a ConfigMap: the first ones are told, and how many there
// are (SPEC 3.1, 7.1).
func TestManyMistakes(t *testing.T) {
	t.Parallel()
	r, n := serving(t)
	var fields strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&fields, "unknown%d: 1, ", i)
	}
	r.follow(commit("web:v2", fields.String()))
	for range 2 {
		if _, err := r.pass(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
		n.show()
	}
	if s := r.state(t); s.Reason != strategies.Held || !strings.Contains(s.Message, "(and 100 more problems)") || len(s.Mistakes) != 101 || s.Mistakes[100].Message != "4900 more problems are not told" {
		t.Errorf("it says %s: %s, and records %d mistakes", s.Reason, s.Message, len(s.Mistakes))
	}
	o := n.server.Live("ConfigMap", "kexal-web")
	if text, err := o.MarshalJSON(); err != nil || len(text) > 100_000 {
		t.Errorf("the state has %d bytes (%v)", len(text), err)
	}
}

// A state that a newer kexal wrote freezes the rollout: nothing is written over it, and nothing
// is done (DESIGN 5).
func TestNewerStateIsFrozen(t *testing.T) {
	t.Parallel()
	r, n := inFlight(t)
	state := n.live("ConfigMap", "kexal-web")
	_ = unstructured.SetNestedField(state.Object, `{"schema":99}`, "data", "state.json")
	n.put(state)
	n.show()
	r.follow(commit("web:v3", ""))
	if _, err := r.pass(t.Context(), "web"); !errors.Is(err, cluster.ErrNewerState) {
		t.Errorf("it goes on with %v", err)
	}
	if w := n.writes(); len(w) != 0 {
		t.Errorf("it writes %q", w)
	}
}

// Objects without a state are never a first release, and neither is an empty namespace of which
// the ledger knows another stable revision: it is held and told, and nothing else is written
// (SPEC 6.5).
func TestLostState(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		live   bool
		ledger said
		says   string
	}{
		{"nobody knows it", true, said{}, "neither its state nor the ledger is there"},
		{"the ledger cannot be read", false, said{err: errors.New("the ledger is away")}, "the ledger is away"},
		{"the ledger cannot be read, and objects are there", true, said{err: errors.New("the ledger is away")}, "the ledger is away"},
		{"nothing is there, and another revision was stable", false, said{found: true, status: strategies.Status{Stable: &strategies.TrackStatus{Revision: "ffffffffff", Commit: "c0ffee"}}},
			"go back to commit c0ffee first"},
		{"the ledger knows another revision", true, said{found: true, status: strategies.Status{Stable: &strategies.TrackStatus{Revision: "ffffffffff", Color: "blue"}}},
			"the ledger says that stable is ffffffffff in blue"},
	} {
		n := newNamespace()
		if c.live {
			r := agent(t, n)
			r.follow(commit("web:v1", ""))
			r.play(t, strategies.Stable)
			n.server.Remove("ConfigMap", "kexal-web")
		}
		n.writes()
		r := agent(t, n)
		r.Ledger = &c.ledger
		r.follow(commit("web:v1", ""))
		for range 2 {
			if _, err := r.pass(t.Context(), "web"); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			n.show()
		}
		if w := n.writes(); !slices.Equal(w, []string{"create " + stateMap}) {
			t.Errorf("%s: it writes %q", c.name, w)
		}
		if len(r.pending) != 0 {
			t.Errorf("%s: it offers %+v to the ledger, whose last word may be all that is left", c.name, r.pending)
		}
		record, err := r.Cluster.Read("web")
		if err != nil || record.Found || !strings.Contains(record.Status, c.says) {
			t.Errorf("%s: it tells %s (%v)", c.name, record.Status, err)
		}
	}
}
