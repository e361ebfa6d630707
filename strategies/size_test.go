package strategies_test

import (
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
)

// What is rebuilt grows to the size that Git asks for, where the count that stable has is ours; one that
// somebody else wrote stays, and a larger one (SPEC 2.3, 5.13, 6.5).
func TestRebuiltSize(t *testing.T) {
	stable := strategies.Track{Revision: "a1a1a1a1a1", Color: strategies.Blue}
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
			At:       time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
			Slots:    map[strategies.Color]strategies.Slot{strategies.Blue: c.blue, strategies.Green: c.green},
			Services: []strategies.Service{{Name: "web", Selects: strategies.Only(stable.Color), Endpoints: map[strategies.Color]int32{stable.Color: 3}}},
			Wanted:   &strategies.Wanted{Track: stable, Replicas: 3},
		}
		s, err := strategies.Rebuild(strategies.Spec{}, ledger, map[strategies.Color]strategies.Track{strategies.Blue: stable}, obs)
		if err != nil || s.Resizing != c.want || s.Replicas != 3 {
			t.Errorf("%s: resizing %v to %d, %v", what, s.Resizing, s.Replicas, err)
		}
	}
}
