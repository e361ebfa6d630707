package edit

import (
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
)

// at is a rollout of five steps that waits at the third.
func at(change func(*strategies.Status)) *strategies.Status {
	s := &strategies.Status{
		Phase: strategies.Paused, Reason: strategies.WaitingForPromote, Message: "waiting for promote",
		Step:      &strategies.Position{Index: 3, Of: 5},
		Stable:    &strategies.TrackStatus{Revision: "81c07d2e55"},
		Candidate: &strategies.TrackStatus{Revision: "3f2a9c1b04"},
	}
	if change != nil {
		change(s)
	}
	return s
}

func healthy(s *strategies.Status) {
	s.Phase, s.Reason, s.Step, s.Candidate = strategies.Healthy, strategies.Stable, nil, nil
}

// shut is a rollout that stands at step 3 until its window opens.
func shut(s *strategies.Status) {
	opens := time.Date(2026, 11, 23, 9, 0, 0, 0, time.FixedZone("CET", 3600))
	s.Reason, s.NextAt = strategies.WaitingForWindow, &opens
}

// unsure is a blue/green that was promoted, and whose analysis could not tell.
func unsure(s *strategies.Status) {
	healthy(s)
	s.Phase, s.Reason = strategies.Paused, strategies.Undecided
}

func TestAPromotionIsCompletedByWhatTheStatusKnows(t *testing.T) {
	for _, c := range []struct {
		name   string
		status *strategies.Status
		asked  Promotion
		want   string
	}{
		{"the step it stands at", at(nil), Promotion{}, "promote 3f2a9c1b04 to step 3"},
		{"a timed pause too", at(func(s *strategies.Status) { s.Reason = strategies.WaitingForTime }), Promotion{}, "promote 3f2a9c1b04 to step 3"},
		{"a prefix names the candidate", at(nil), Promotion{Revision: "3f2a9c"}, "promote 3f2a9c1b04 to step 3"},
		{"further", at(nil), Promotion{Step: 5}, "promote 3f2a9c1b04 to step 5"},
		{"all of it", at(nil), Promotion{Full: true}, "promote 3f2a9c1b04 in full"},
		{"ahead, while it moves", at(func(s *strategies.Status) { s.Phase = strategies.Progressing }), Promotion{Step: 4}, "promote 3f2a9c1b04 to step 4"},
		{"another revision, said in full", at(nil), Promotion{Revision: "77aa00bb11", Step: 1}, "promote 77aa00bb11 to step 1"},
		{"nothing is known, said in full", nil, Promotion{Revision: "77aa00bb11", Full: true}, "promote 77aa00bb11 in full"},

		{"an analysis could not tell", at(func(s *strategies.Status) { s.Reason = strategies.Undecided }), Promotion{}, "promote 3f2a9c1b04 to step 3"},
		{"an analysis after the promotion could not tell", at(unsure), Promotion{}, "promote 81c07d2e55 to step 1"},
		{"a first release with a gate", at(func(s *strategies.Status) { s.Stable, s.Step = nil, nil }), Promotion{}, "promote 3f2a9c1b04 to step 1"},
		{"steps that were cut off", at(func(s *strategies.Status) { s.Step = nil }), Promotion{}, "nothing waits for a promotion; --step and --full approve ahead"},
		{"its window too", at(shut), Promotion{IgnoreWindows: true}, "promote 3f2a9c1b04 to step 3, ignoring windows"},
		{"its window too, in full", at(shut), Promotion{Full: true, IgnoreWindows: true}, "promote 3f2a9c1b04 in full, ignoring windows"},
		{"its window, where there are no steps", at(func(s *strategies.Status) { shut(s); s.Step = nil }), Promotion{IgnoreWindows: true}, "promote 3f2a9c1b04, ignoring windows"},
		{"a gate, and the windows after it", at(nil), Promotion{IgnoreWindows: true}, "promote 3f2a9c1b04 to step 3, ignoring windows"},
		{"ahead of its window", at(shut), Promotion{Step: 4}, "promote 3f2a9c1b04 to step 4"},

		{"its window", at(shut), Promotion{}, "web waits for its window until 2026-11-23T08:00:00Z: --ignore-windows passes it"},
		{"its window, which never opens", at(func(s *strategies.Status) { shut(s); s.NextAt = nil }), Promotion{}, "web waits for its window, and none opens within a year: --ignore-windows passes it"},
		{"no window holds it", at(healthy), Promotion{IgnoreWindows: true}, "web is Healthy: nothing waits for a promotion"},
		{"while it moves", at(func(s *strategies.Status) { s.Phase, s.Message = strategies.Progressing, "starting" }), Promotion{}, "web is Progressing (starting): nothing waits"},
		{"paused by its own file", at(func(s *strategies.Status) { s.Reason = strategies.PausedByIntent }), Promotion{}, "nothing waits for a promotion"},
		{"healthy", at(healthy), Promotion{}, "web is Healthy: nothing waits for a promotion"},
		{"healthy, step given", at(healthy), Promotion{Step: 2}, "web is Healthy: nothing waits for a promotion"},
		{"healthy, revision given", at(healthy), Promotion{Revision: "77aa00bb11"}, "--step or --full says how far"},
		{"nothing is known", nil, Promotion{}, "--revision names it"},
		{"nothing is known but the revision", nil, Promotion{Revision: "77aa00bb11"}, "--step or --full says how far"},
		{"another revision", at(nil), Promotion{Revision: "77aa00bb11"}, "web tries 3f2a9c1b04, not 77aa00bb11"},
		{"no such step", at(nil), Promotion{Step: 6}, "web has 5 steps"},
		{"a step behind", at(nil), Promotion{Step: 2}, "web stands at step 3"},
		{"not a step", at(nil), Promotion{Step: -1}, "steps count from 1"},
		{"both", at(nil), Promotion{Step: 4, Full: true}, "exclude each other"},
	} {
		p, err := Promote("web", c.status, c.asked)
		expect(t, c.name, p.String(), err, c.want)
	}
}

func TestAnAbortNamesWhatCanStillGoBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		status   *strategies.Status
		revision string
		want     string
	}{
		{"the candidate", at(nil), "", "3f2a9c1b04"},
		{"the candidate by prefix", at(nil), "3f2a9c", "3f2a9c1b04"},
		{"the new stable while it is watched", at(func(s *strategies.Status) { healthy(s); s.Reason = strategies.Watching }), "", "81c07d2e55"},
		{"the new stable while its analysis runs", at(func(s *strategies.Status) { healthy(s); s.Reason = strategies.Analyzing }), "", "81c07d2e55"},
		{"the new stable of which an analysis could not tell", at(unsure), "", "81c07d2e55"},
		{"the candidate of which an analysis could not tell", at(func(s *strategies.Status) { s.Reason = strategies.Undecided }), "", "3f2a9c1b04"},
		{"a push that is not known yet", at(nil), "77aa00bb11", "77aa00bb11"},
		{"nothing is known but the revision", nil, "77aa00bb11", "77aa00bb11"},

		{"too late", at(healthy), "", "web: 81c07d2e55 is already stable: git revert brings the old one back"},
		{"stable, with a candidate", at(nil), "81c07d2e55", "already stable"},
		{"the first release", at(func(s *strategies.Status) { s.Stable = nil }), "", "first release: there is nothing to go back to"},
		{"rejected before", at(func(s *strategies.Status) {
			healthy(s)
			s.Rejected = []strategies.Rejection{{Revision: "3f2a9c1b04"}}
		}), "3f2a9c1b04", "is rejected already"},
		{"nothing is known", nil, "", "--revision names it"},
		{"nothing runs", &strategies.Status{Phase: strategies.Degraded}, "", "web is Degraded: there is nothing to abort"},
	} {
		revision, err := Abort("web", c.status, c.revision)
		expect(t, c.name, revision, err, c.want)
	}
}

// Who passes a window takes back nothing that was approved before.
func TestAWindowIsPassedWithAllThatWasApproved(t *testing.T) {
	byTag := at(func(s *strategies.Status) {
		s.Intents = []strategies.IntentStatus{{Field: "promote", Revision: "v2", State: strategies.Honoured}}
	})
	p := Promotion{Revision: "3f2a9c1b04", Step: 3, IgnoreWindows: true}
	for src, want := range map[string]string{
		"{paused: false}": "to step 3, ignoring",
		"{promote: {revision: 3f2a9c1b04, step: 5}}":    "to step 5, ignoring",
		"{promote: {revision: 3f2a9c1b04, step: 2}}":    "to step 3, ignoring",
		"{promote: {revision: 3f2a9c, full: true}}":     "in full, ignoring",
		"{promote: 3f2a9c1b04}":                         "3f2a9c1b04, ignoring",
		"{promote: {revision: v2, full: true}}":         "in full, ignoring",
		"{promote: {revision: 81c07d2e55, full: true}}": "to step 3, ignoring",
		"{promote: {revision: 3f2a9c1b04, step: 0}}":    "to step 3, ignoring", // the agent does not read it
	} {
		text := "apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec: {strategy: {canary: {}}, " + src[1:] + "\n"
		expect(t, src, p.Keeping([]byte(text), byTag).String(), nil, want)
	}
}

func expect(t *testing.T, name, got string, err error, want string) {
	t.Helper()
	if err != nil {
		got = err.Error()
	}
	if !strings.Contains(got, want) {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}
