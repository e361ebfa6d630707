package strategies_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
)

// The Service of a blue/green that is gone on the way back is made again with one colour: the one
// that users were on for as long as stable cannot take them, and never one that they had not
// reached (SPEC 5.10, 6.4).
func TestMadeAgainOnTheWayBack(t *testing.T) {
	selectors := map[string]map[string]string{"web": {"app": "web"}}
	workloads := map[string]strategies.Workload{"web": {Labels: map[string]string{"app": "web"}}}
	stable := strategies.Track{Revision: "a1a1a1a1a1", Color: strategies.Blue, Workloads: workloads, Selectors: selectors}
	candidate := strategies.Track{Revision: "b2b2b2b2b2", Color: strategies.Green, Workloads: workloads, Selectors: selectors}
	spec := strategies.Spec{BlueGreen: &strategies.BlueGreen{}}
	for what, c := range map[string]struct {
		live  int
		ready int32 // of stable's pods
		want  strategies.Selection
	}{
		"users were on the candidate, and stable takes them":   {live: 100, ready: 3, want: strategies.OnlyBlue},
		"users were on the candidate, and stable is too small": {live: 100, ready: 1, want: strategies.OnlyGreen},
		"users were on the candidate, and nobody else is":      {live: 100, ready: 0, want: strategies.OnlyGreen},
		"users were never on the candidate":                    {live: 0, ready: 1, want: strategies.OnlyBlue},
	} {
		slot := func(of strategies.Track, ready int32) strategies.Slot {
			return strategies.Slot{Exists: true, Started: true, Paused: true, Revision: of.Revision, Desired: 3, Pods: 3, Ready: ready, Epoch: 1}
		}
		was := strategies.State{
			Schema: strategies.SchemaVersion, Epoch: 1, Sizes: map[string]strategies.Size{"web": {Pods: 3}}, Live: c.live, Spec: &spec, Stable: &stable, Candidate: &candidate,
			Back: &strategies.Back{Cause: strategies.ByNewer, Why: "c3c3c3c3c3 takes its place"},
		}
		plan := strategies.Decide(spec, was, strategies.Observation{
			At: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), Gone: true,
			Wanted:    &strategies.Wanted{Track: strategies.Track{Revision: "c3c3c3c3c3", Workloads: workloads, Selectors: selectors}, Sizes: map[string]int32{"web": 3}},
			Workloads: map[string]strategies.Slots{"web": {strategies.Blue: slot(stable, c.ready), strategies.Green: slot(candidate, 3)}},
			Services:  []strategies.Service{{Name: "web"}},
		})
		made := slices.IndexFunc(plan.Actions, func(a strategies.Action) bool {
			apply, is := a.(strategies.Apply)
			return is && apply.Services
		})
		if made < 0 || plan.Actions[made].(strategies.Apply).Pin != c.want {
			t.Errorf("%s: %v, want the Service made again with %s", what, plan.Actions, c.want)
		}
	}
}
