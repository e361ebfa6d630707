package course

import (
	"errors"
	"fmt"
	"time"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// A Setting is a namespace in which one release serves and the next is pushed.
type Setting struct {
	File  string            // rollout.yaml
	Old   strategies.Wanted // serves already; without a revision there is none: a first release
	New   strategies.Wanted // is pushed
	At    time.Time         // of the push
	Start time.Duration     // from a pod's beginning to its readiness
	Quota int               // pods of the namespace; 0 = no quota
}

// Releases are two that nothing is known of but their size and the Services that select
// their pods.
func Releases(name string, replicas int32, services []string) (old, next strategies.Wanted) {
	release := func(revision, tag string) strategies.Wanted {
		w := strategies.Wanted{Sizes: map[string]int32{name: replicas}, Track: strategies.Track{
			Revision: revision, Images: []string{name + ":" + tag},
			Workloads: map[string]strategies.Workload{name: {Labels: map[string]string{"app": name}}},
			Selectors: map[string]map[string]string{},
		}}
		for _, s := range services {
			w.Selectors[s] = map[string]string{"app": name}
		}
		return w
	}
	return release("oldrelease", "old"), release("newrelease", "new")
}

// Begin is a play that stands at the push, which no agent has seen yet. A rollout.yaml that
// cannot be read is an error of type [strategies.Mistakes].
func Begin(in Setting) (*simulated.Play, error) {
	// What happens before the push takes less than a day.
	play := simulated.New(in.At.Add(-24 * time.Hour))
	if err := play.Git.Write(in.File); err != nil {
		return nil, err
	}
	if in.Old.Revision != "" {
		// What people want now, they want of the new release.
		play.Decide = func(spec strategies.Spec, was strategies.State, obs strategies.Observation) strategies.Plan {
			spec.Intents, spec.FirstGated = strategies.Intents{}, false
			return strategies.Decide(spec, was, obs)
		}
		play.Git.Push(in.Old)
		if err := play.Run(); err != nil {
			return nil, fmt.Errorf("the old release: %w", err)
		}
		play.Decide = strategies.Decide
		if s := play.State(); s.Stable == nil {
			return nil, errors.New("the old release does not come to serve: " + s.Message)
		}
	}
	for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
		m := play.World.Manners[c]
		m.Starts = in.Start
		play.World.Manners[c] = m
	}
	// Nobody looks in between: the next decision is about the push.
	play.World.Now, play.World.Quota = in.At, in.Quota
	play.Git.Push(in.New)
	return play, nil
}
