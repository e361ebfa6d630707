package reconciler

import (
	"testing"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// A blue/green needs room for as many pods as stable has, or for as many as Git asks for where
// stable gets that size first: recorded or not (SPEC 6.7).
func TestSurge(t *testing.T) {
	for what, c := range map[string]struct {
		recorded int32
		resizing bool
		want     int32
	}{
		"stable has more by an autoscaler":        {4, false, 10},
		"Git asks for fewer now":                  {10, false, 4},
		"Git asked for fewer, and it is not made": {4, true, 4},
	} {
		pass := &turn{
			desired: &desired{release: &release.Release{Sizes: map[string]int32{"web": 4}}},
			spec:    strategies.Spec{BlueGreen: &strategies.BlueGreen{}},
			record:  cluster.Record{State: strategies.State{Stable: &strategies.Track{Color: strategies.Blue}, Sizes: map[string]strategies.Size{"web": {Pods: c.recorded, Resizing: c.resizing}}}},
		}
		pass.sight.Workloads = map[string]strategies.Slots{"web": {strategies.Blue: {Exists: true, Desired: 10}}}
		if got := pass.surge()["web"]; got != c.want {
			t.Errorf("%s: room for %d is needed", what, got)
		}
	}
}
