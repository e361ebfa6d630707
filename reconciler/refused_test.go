package reconciler

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/strategies"
)

// What the server refuses is told in its words, and tried again after a minute (SPEC 6.6).
func TestRefusedOnceAMinute(t *testing.T) {
	t.Parallel()
	r, n := serving(t)
	r.follow(commit("web:v2", ""))
	n.refuses(func(w request) string {
		if w.object == "Deployment web-green" && !w.dry {
			return "admission says no"
		}
		return ""
	})
	tries := 0
	for range 4 {
		if _, err := r.pass(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
		n.show()
		tries += len(effects(n.writes()))
	}
	if s := r.state(t); tries != 1 || s.Reason != strategies.Blocked || s.Phase != strategies.Progressing || !strings.Contains(s.Message, "admission says no") {
		t.Errorf("it tried %d times and says %s %s: %s", tries, s.Phase, s.Reason, s.Message)
	}
}

// Tried again after its minute, what is refused on the way back may fail in another way: that says
// nothing new, and nothing is told (SPEC 6.6, 7.4).
func TestRefusalStaysTold(t *testing.T) {
	t.Parallel()
	r, n := inFlight(t)
	r.follow(commit("web:v2", "abort: "+quoted(r.state(t).Candidate.Revision)+", "))
	words := "it is refused"
	n.refuses(func(w request) string {
		if w.object == "Service web" {
			return words
		}
		return ""
	})
	look := func() {
		t.Helper()
		n.show()
		if _, err := r.pass(t.Context(), "web"); err != nil && !errors.Is(err, cluster.ErrConflict) {
			t.Fatal(err)
		}
		n.settle()
	}
	for range 3 {
		look()
	}
	was := r.state(t).Message
	if r.state(t).Reason != strategies.Blocked || !strings.Contains(was, "it is refused") {
		t.Fatalf("it says %s", was)
	}
	words = conflicting
	n.line.RunTo(n.line.Now().Add(refusedFor))
	n.writes()
	look()
	if w := n.writes(); !slices.Contains(w, "patch Service web") {
		t.Errorf("after a minute it writes %q", w)
	}
	if is := r.state(t).Message; is != was {
		t.Errorf("it says %q, after %q", is, was)
	}
}

// What fails beside a refusal does not rest with it: on the way back one write of a mark is refused,
// and the one that met a conflict is tried again at once (SPEC 5.17, 6.3).
func TestConflictBesideARefusal(t *testing.T) {
	t.Parallel()
	r, n := inFlight(t)
	r.follow(commit("web:v2", "abort: "+quoted(r.state(t).Candidate.Revision)+", "))
	met := false
	n.refuses(func(w request) string {
		switch {
		case w.object == "Deployment web-green":
			return "it is refused"
		case w.object == "Service web" && !met:
			met = true
			return conflicting
		}
		return ""
	})
	if _, err := r.pass(t.Context(), "web"); !errors.Is(err, cluster.ErrConflict) {
		t.Errorf("the first pass comes to %v", err)
	}
	n.writes()
	n.show()
	if _, err := r.pass(t.Context(), "web"); err != nil {
		t.Errorf("the second comes to %v", err)
	}
	if w := n.writes(); !slices.Contains(w, "patch Service web") {
		t.Errorf("then it writes %q", w)
	}
	n.show()
	if _, err := r.pass(t.Context(), "web"); err != nil {
		t.Errorf("the third comes to %v", err)
	}
	if w := n.writes(); len(w) != 0 || r.state(t).Reason != strategies.Blocked {
		t.Errorf("what is refused is tried again at once: %q; it says %s", w, r.state(t).Message)
	}
}
