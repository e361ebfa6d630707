package strategies_test

import (
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
)

// What is rebuilt grows to the size that Git asks for, where the count that stable has is ours; one that
// somebody else wrote stays, and a larger one (SPEC 2.3, 5.13, 6.5).
func TestRebuiltSize(t *testing.T) {
	stable := strategies.Track{Revision: "a1a1a1a1a1", Color: strategies.Blue, Workloads: map[string]strategies.Workload{"web": {}}}
	ledger := strategies.Status{Phase: strategies.Healthy, Reason: strategies.Stable, Stable: &strategies.TrackStatus{Revision: stable.Revision, Color: stable.Color}}
	for what, c := range map[string]struct {
		blue, green strategies.Slot
		want        bool
	}{
		"as many as Git asks for":             {blue: strategies.Slot{Exists: true, Desired: 3}},
		"fewer":                               {blue: strategies.Slot{Exists: true, Desired: 2}, want: true},
		"more":                                {blue: strategies.Slot{Exists: true, Desired: 5}},
		"an autoscaler's count":               {blue: strategies.Slot{Exists: true, Desired: 2, Rescaled: true}},
		"somebody wrote the other colour's":   {blue: strategies.Slot{Exists: true, Desired: 2}, green: strategies.Slot{Exists: true, Desired: 6, Rescaled: true}},
		"somebody scaled what is left over":   {blue: strategies.Slot{Exists: true, Desired: 2}, green: strategies.Slot{Exists: true, Desired: 1, Rescaled: true}, want: true},
		"its Deployment is gone, and is made": {},
	} {
		c.blue.Revision = stable.Revision
		obs := strategies.Observation{
			At:        time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
			Workloads: map[string]strategies.Slots{"web": {strategies.Blue: c.blue, strategies.Green: c.green}},
			Services:  []strategies.Service{{Name: "web", Selects: strategies.Only(stable.Color), Endpoints: map[strategies.Color]int32{stable.Color: 3}}},
			Wanted:    &strategies.Wanted{Track: stable, Sizes: map[string]int32{"web": 3}},
		}
		s, err := strategies.Rebuild(strategies.Spec{}, ledger, map[strategies.Color]strategies.Track{strategies.Blue: stable}, obs)
		if size := s.Sizes["web"]; err != nil || size.Resizing != c.want || size.Pods != 3 {
			t.Errorf("%s: resizing %v to %d, %v", what, size.Resizing, size.Pods, err)
		}
	}
}

// A size is still to be made for as long as a count of the agent before may arrive: until the new
// epoch is on every object (SPEC 2.3, 6.3).
func TestSizeUntilMarked(t *testing.T) {
	stable := strategies.Track{Revision: "a1a1a1a1a1", Color: strategies.Blue, Workloads: map[string]strategies.Workload{"web": {}}}
	spec := strategies.Spec{}
	was := strategies.State{Schema: strategies.SchemaVersion, Epoch: 2, Sizes: map[string]strategies.Size{"web": {Pods: 4, Resizing: true}}, Spec: &spec, Stable: &stable}
	obs := strategies.Observation{
		At: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), TookOver: true, Epoch: 2,
		Wanted: &strategies.Wanted{Track: stable, Sizes: map[string]int32{"web": 5}},
		Workloads: map[string]strategies.Slots{"web": {strategies.Blue: {
			Exists: true, Started: true, Paused: true, Revision: stable.Revision, Desired: 5, Pods: 5, Ready: 5, Epoch: 2,
		}}},
	}
	plan := strategies.Decide(spec, was, obs)
	if len(plan.Actions) != 1 || plan.Actions[0].String() != "mark epoch 3" || !plan.Next.Sizes["web"].Resizing {
		t.Fatalf("resizing %v, %v", plan.Next.Sizes["web"].Resizing, plan.Actions)
	}
	// The count that was on its way came first.
	late := obs.Workloads["web"][strategies.Blue]
	late.Desired, late.Epoch = 4, 3
	obs.Workloads = map[string]strategies.Slots{"web": {strategies.Blue: late}}
	obs.TookOver = false
	if plan := strategies.Decide(spec, plan.Next, obs); len(plan.Actions) != 1 || plan.Actions[0].String() != "scale web-blue to 5" {
		t.Errorf("the size is not made: %v", plan.Actions)
	}
}
