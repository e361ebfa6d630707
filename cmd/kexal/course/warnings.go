package course

import (
	"fmt"
	"strings"

	"github.com/kexal/kexal/strategies"
)

// rough is how many percent points a weight may miss before it is worth a word.
const rough = 5

// outage says that the rollout itself leaves users with nobody.
func (r *run) outage() []string {
	if r.lost == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s for %s: raise maxSurge, so that a new pod comes before an old one goes", nobody, short(r.lost))}
}

// roundings say what the counts of pods made of the weights, where people may not expect it
// (SPEC 5.9). A router carries any weight, and nobody wrote the weights of a rolling update.
func (r *run) roundings() (all []string) {
	spec := r.state.Spec
	if spec == nil || r.old == "" || spec.BlueGreen != nil || spec.Rolling || len(spec.Canary.Routers) > 0 || r.play.Git.Wanted.Pods() == 0 {
		return nil
	}
	n := int32(0) // the weight is that of the workload with most pods
	for _, size := range r.play.Git.Wanted.Sizes {
		n = max(n, size)
	}
	var asked []int
	got := map[int]int{}       // by weight
	same := map[int][]string{} // weights by what they come to
	for i, step := range spec.Canary.Steps {
		live, done := r.weights[i+1]
		if step.SetWeight == nil || !done || *step.SetWeight <= 0 || *step.SetWeight >= 100 {
			continue
		}
		w := *step.SetWeight
		if _, known := got[w]; !known {
			asked, got[w] = append(asked, w), live
			same[live] = append(same[live], fmt.Sprintf("setWeight %d", w))
		}
	}
	if n == 1 && len(asked) > 0 {
		var means []string
		for _, w := range asked {
			means = append(means, fmt.Sprintf("setWeight %d means %s", w, percent(got[w])))
		}
		return []string{"one pod: " + strings.Join(means, ", ")}
	}
	for _, w := range asked {
		live := got[w]
		switch equals := same[live]; {
		case len(equals) > 1:
			all = append(all, fmt.Sprintf("%s come to the same %d%% with %d pods", strings.Join(equals, " and "), live, n))
			delete(same, live)
		case len(equals) == 1 && max(live-w, w-live) >= rough:
			all = append(all, fmt.Sprintf("setWeight %d comes to %d%% with %d pods", w, live, n))
		}
	}
	return all
}

func percent(w int) string {
	if w == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%d%%", w)
}

// warnings say what did not come as it was asked for, does not end by itself, or needs more
// pods at once than there may be.
func (r *run) warnings(peak int) (all []string) {
	switch s := r.state; {
	case waitsForPromote(s) && r.failed:
		all = append(all, fmt.Sprintf("nobody promotes pods that crash, and no deadline runs at a gate: it waits for ever; kexal abort %s, or a git revert, ends it", r.name))
	case waitsForPromote(s):
		all = append(all, fmt.Sprintf("it waits for ever: nobody runs kexal promote %s", r.name))
	case s.Reason == strategies.PausedByIntent:
		all = append(all, "it waits for ever: nobody takes `paused: true` out of rollout.yaml")
	}
	if !r.lostAt.IsZero() {
		all = append(all, fmt.Sprintf("%s at the end: what crashes after the watch is left to people (kexal abort %s while the old pods are warm, or a git revert)", nobody, r.name))
	}
	if quota := r.play.World.Quota; quota > 0 && peak > quota {
		all = append(all, fmt.Sprintf("the quota is %d pods, and %d are needed at once", quota, peak))
	}
	for _, h := range r.all {
		if !h.each && !h.spent {
			all = append(all, h.name+": that moment never came")
		}
	}
	return all
}
