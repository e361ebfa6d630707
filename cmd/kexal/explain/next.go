package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// A Course is what happens by itself, if something holds.
type Course struct {
	If      string   `json:"if,omitempty"` // empty = whatever the pods do
	Moments []Moment `json:"moments"`
	Then    string   `json:"then"` // what the end of it waits for
}

// A Moment is one at which the rollout tells something new.
type Moment struct {
	At      time.Time         `json:"at"`
	Phase   strategies.Phase  `json:"phase"`
	Reason  strategies.Reason `json:"reason"`
	Message string            `json:"message"`
}

// next is what happens when nobody does anything. Where it depends on pods there are two
// courses: they become ready, or they do not.
func (f Facts) next() []Course {
	s := f.Status
	switch {
	case f.State == nil:
		return []Course{f.told()}
	case s.Reason == strategies.Undecided, s.Reason == strategies.Analyzing:
		return []Course{{Moments: []Moment{}, Then: ends(s.Reason)}} // a verdict is nobody's to foresee
	}
	well, err := f.play(simulated.Manners{Starts: time.Second, Lingers: 2 * time.Second})
	if err != nil {
		return []Course{f.unplayed(err)}
	}
	unwell, err := f.play(simulated.Manners{Unready: true, Trouble: f.trouble(), Lingers: 2 * time.Second})
	if err != nil {
		return []Course{f.unplayed(err)}
	}
	if slices.EqualFunc(well.Moments, unwell.Moments, func(a, b Moment) bool { return a.Message == b.Message }) {
		well.If = f.accepted("")
		return []Course{well}
	}
	well.If = f.accepted("the pods that it asks for become ready (here: a second after they start)")
	unwell.If = f.accepted("the pods that it asks for do not become ready")
	return []Course{well, unwell}
}

// accepted adds to a condition that the API server takes what it refuses now.
func (f Facts) accepted(condition string) string {
	const takes = "the API server takes the write"
	switch {
	case f.Status.Reason != strategies.Blocked:
		return condition
	case condition == "":
		return takes
	}
	return takes + ", and " + condition
}

// play lets the state run on, with new pods of the colour that is tried behaving so.
func (f Facts) play(new simulated.Manners) (Course, error) {
	state := *f.State
	p, err := simulated.At(f.Status.Metadata.Name, f.Status.Metadata.Namespace, state, f.Now)
	if err != nil {
		return Course{}, err
	}
	color := strategies.Blue
	switch {
	case state.Candidate != nil:
		color = state.Candidate.Color
	case state.Stable != nil:
		color = state.Stable.Color.Other()
	}
	p.World.Manners[color] = new
	// What an analysis comes to is nobody's to foresee: there the play ends.
	p.Verdicts = map[string]simulated.Verdict{"pre-promotion": {Phase: strategies.Running}, "post-promotion": {Phase: strategies.Running}}
	for i := range state.Spec.Canary.Steps {
		p.Verdicts[fmt.Sprintf("step-%d", i+1)] = simulated.Verdict{Phase: strategies.Running}
	}
	course, last := Course{Moments: []Moment{}}, f.Status.Reason
	p.Tell = func(e simulated.Event) {
		if e.Kind != simulated.Recorded || e.Again {
			return
		}
		if len(course.Moments) == 0 && e.State.Reason == last && strings.HasPrefix(f.Status.Message, e.State.Message) {
			return // no news, but for what Kubernetes says of pods that are not there in a play
		}
		course.Moments = append(course.Moments, Moment{At: e.At, Phase: e.State.Phase, Reason: e.State.Reason, Message: e.State.Message})
		last = e.State.Reason
	}
	if err := p.Run(); err != nil {
		return Course{}, err
	}
	course.Then = ends(last)
	return course, nil
}

// ends says what a rollout waits for that will not move by itself any more.
func ends(reason strategies.Reason) string {
	switch reason {
	case strategies.WaitingForPromote:
		return "it waits for a person"
	case strategies.Undecided:
		return "it waits for a person, who passes the analysis or aborts"
	case strategies.Analyzing:
		return "it waits for the verdict of the analysis, which no clock tells"
	case strategies.PausedByIntent:
		return "it waits until `paused: true` is taken away"
	case strategies.Stable:
		return "it waits for the next push that changes what runs"
	case strategies.Aborted, strategies.Rejected:
		return "it waits until Git asks for another revision, or a retry names this one"
	case strategies.Held:
		return "it waits until what is wrong is mended"
	case strategies.Failed:
		return "it waits for its pods, or for another revision"
	case strategies.WaitingForWindow:
		return "it waits for a window"
	}
	return "it waits for the cluster"
}

// told is what a status alone tells. Steps, pods and clocks are in the state.
func (f Facts) told() Course {
	course := Course{Moments: []Moment{}}
	s := f.Status
	const more = "; the cluster would tell more than the ledger"
	switch at := s.NextAt; {
	case at == nil:
		course.Then = ends(s.Reason) + more
	case s.Reason == strategies.WaitingForTime:
		course.Then = fmt.Sprintf("at %s the pause ends and the next step begins%s", clock(*at, f.Now), more)
	case s.Reason == strategies.Watching:
		course.Then = fmt.Sprintf("at %s the old pods go%s", clock(*at, f.Now), more)
	case s.Reason == strategies.Queued:
		course.Then = fmt.Sprintf("at %s %s is started%s", clock(*at, f.Now), f.waits(), more)
	case s.Reason == strategies.WaitingForWindow:
		course.Then = fmt.Sprintf("at %s a window opens%s", clock(*at, f.Now), more)
	default:
		course.Then = fmt.Sprintf("at %s it moves%s", clock(*at, f.Now), more)
	}
	return course
}

// unplayed is what can be told though it cannot be played.
func (f Facts) unplayed(why error) Course {
	course := f.told()
	course.Then = strings.TrimSuffix(course.Then, "; the cluster would tell more than the ledger") + "; more cannot be told: " + why.Error()
	return course
}
