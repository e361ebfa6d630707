package simulated_test

import (
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// atGate is a play whose candidate waits for a person, that long after it began to.
func atGate(t *testing.T, later time.Duration) *simulated.Play {
	t.Helper()
	p := simulated.New(time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC).Add(17 * later))
	if err := p.Git.Write("apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n  strategy: {canary: {steps: [{setWeight: 50}, {pause: {}}]}}\n"); err != nil {
		t.Fatal(err)
	}
	for _, revision := range []string{"a1a1a1a1a1", "b2b2b2b2b2"} {
		selector := map[string]string{"app": "web"}
		p.Git.Push(strategies.Wanted{Sizes: map[string]int32{"web": 2}, Track: strategies.Track{
			Revision: revision, Workloads: map[string]strategies.Workload{"web": {Labels: selector}}, Selectors: map[string]map[string]string{"web": selector},
		}})
		for more := true; more; {
			wrote, err := p.Turn()
			if err != nil {
				t.Fatal(err)
			}
			more = wrote || p.Tick()
		}
	}
	if s := p.State(); s.Reason != strategies.WaitingForPromote {
		t.Fatalf("it does not wait: %s", s.Message)
	}
	if err := p.RunFor(later); err != nil {
		t.Fatal(err)
	}
	return p
}

// Plays that go on in the same way have one digest, whenever that is and however often an
// agent was started; others have not.
func TestDigest(t *testing.T) {
	digest := func(p *simulated.Play) simulated.Digest { return p.Digest(time.Minute) }
	is := digest(atGate(t, time.Hour))
	if digest(atGate(t, 2*time.Hour)) != is {
		t.Error("an hour later it is another")
	}
	if digest(atGate(t, time.Second)) == is {
		t.Error("it is the same, though moments that count are not over")
	}
	for name, change := range map[string]func(*simulated.Play){
		"a count":        func(p *simulated.Play) { p.World.Resize("web", strategies.Blue, 3) },
		"a selector":     func(p *simulated.Play) { p.World.Services["web"].Selects = strategies.Something },
		"a pod":          func(p *simulated.Play) { p.World.Disturb("web", strategies.Green, "", 0) },
		"a new revision": func(p *simulated.Play) { w := *p.Git.Wanted; w.Revision = "c3c3c3c3c3"; p.Git.Push(w) },
		"a new agent":    func(p *simulated.Play) { p.Restart(0) },
		"no record":      func(p *simulated.Play) { p.Record = "" },
	} {
		p := atGate(t, time.Hour)
		if change(p); digest(p) == is {
			t.Errorf("%s makes no difference", name)
		}
	}
}

// A write fails as if it never happened, or as if only its answer was lost; the agent lives.
func TestFail(t *testing.T) {
	for _, f := range []struct {
		failure  simulated.Failure
		recorded bool
		scaled   bool
	}{
		{simulated.Failure{Write: 0}, false, false},
		{simulated.Failure{Write: 0, Happened: true}, true, false},
		{simulated.Failure{Write: 1}, true, false},
		{simulated.Failure{Write: 1, Happened: true}, true, true},
	} {
		p := atGate(t, time.Hour)
		if err := p.Git.Write("apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n  strategy: {canary: {steps: [{setWeight: 50}, {pause: {}}]}}\n  promote: b2b2b2b2b2\n"); err != nil {
			t.Fatal(err)
		}
		before, epoch := p.World.Clone(), p.State().Epoch
		p.Fail(f.failure)
		if wrote, err := p.Turn(); err != nil || !wrote {
			t.Fatalf("%s: wrote %v, %v", f.failure, wrote, err)
		}
		if recorded := p.State().Reason == strategies.Promoting; recorded != f.recorded {
			t.Errorf("%s: recorded %v", f.failure, recorded)
		}
		if scaled := p.World.Slots["web"][strategies.Green].Desired != before.Slots["web"][strategies.Green].Desired; scaled != f.scaled {
			t.Errorf("%s: scaled %v", f.failure, scaled)
		}
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		if s := p.State(); s.Stable.Revision != "b2b2b2b2b2" || s.Epoch != epoch {
			t.Errorf("%s: it ends with %s in epoch %d, before %d", f.failure, s.Stable.Revision, s.Epoch, epoch)
		}
	}
}
