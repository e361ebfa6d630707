package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/reconciler"
	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// A Side is a commit of the rollout: what is pushed, or what runs.
type Side struct {
	*reconciler.Reading
	File string // the text of rollout.yaml
	Path string // of it
	Tree fs.FS  // of the commit, to find the place of a mistake in
}

// starts is how long a pod is taken to need until it is ready. Nobody knows; the times of
// a plan are about right for pauses, not for pods.
const starts = 10 * time.Second

// at is a play that stands where the record does, and in which the release is pushed.
// stable and candidate are what the record's revisions were rendered from.
//
// What runs is played anew, rather than put there: so it is a state that Decide leaves.
func (r Record) at(now time.Time, stable, candidate *Side, next Side) (*simulated.Play, error) {
	in := course.Setting{File: next.File, New: *next.Wanted, At: now, Start: starts}
	if r.Stable == nil {
		return begin(in, next)
	}
	in.Old, in.File = wanted(stable, r.Stable, next), file(stable, next)
	switch {
	case r.Candidate != nil && !r.Back:
		in.New, in.File = wanted(candidate, r.Candidate, next), file(candidate, next)
	case r.Warm != nil:
		in.Old, in.New = wanted(nil, r.Warm, next), in.Old
	default:
		in.New = in.Old
	}
	play, err := begin(in, next)
	if err != nil {
		return nil, err
	}
	if err := r.reach(play); err != nil {
		return nil, err
	}
	if err := play.Git.Write(next.File); err != nil {
		return nil, err
	}
	play.Git.Push(*next.Wanted)
	return play, nil
}

func begin(in course.Setting, next Side) (*simulated.Play, error) {
	play, err := course.Begin(in)
	if err != nil {
		return nil, err
	}
	settles := int64(0) // of all of them the longest
	for _, w := range next.Release.Workloads {
		its, _, _ := unstructured.NestedInt64(w.Object, "spec", "minReadySeconds")
		settles = max(settles, its)
	}
	for color, manners := range play.World.Manners {
		manners.Settles = time.Duration(settles) * time.Second
		play.World.Manners[color] = manners
	}
	return play, nil
}

// reach plays on from the push of the record's candidate to where the record stands.
func (r Record) reach(play *simulated.Play) error {
	there := func(s strategies.State) bool {
		switch {
		case r.Candidate != nil && !r.Back:
			return s.Step > r.Step || s.Step == r.Step && (s.Reason == r.Reason || !stands(r.Reason))
		case r.Warm != nil:
			return s.Warm != nil
		}
		return s.Reason == strategies.Stable
	}
	play.Decide = func(spec strategies.Spec, was strategies.State, obs strategies.Observation) strategies.Plan {
		spec.Intents = strategies.Intents{}
		switch {
		case r.Candidate != nil && r.Step > 1: // what was passed is passed: gates, and pauses
			spec.Intents.Promote = &strategies.Promote{Revision: r.Candidate.Revision, Step: r.Step - 1}
		case r.Candidate == nil && obs.Wanted != nil:
			spec.Intents.Promote = &strategies.Promote{Revision: obs.Wanted.Revision, Full: true}
		}
		return strategies.Decide(spec, was, obs)
	}
	const tick = 500 * time.Millisecond
	for tries := 0; !there(play.State()); tries++ {
		if tries > 20_000 {
			return fmt.Errorf("step %d, where %s stands, is not among those of its commit", r.Step, r.Candidate.Revision)
		}
		if err := play.RunFor(tick); err != nil {
			return err
		}
	}
	play.Decide = strategies.Decide
	return r.remember(play)
}

// stands tells the reasons at which a rollout stays; past the others it only goes.
func stands(why strategies.Reason) bool {
	switch why {
	case strategies.WaitingForTime, strategies.WaitingForPromote, strategies.WaitingForWindow, strategies.Analyzing, strategies.Undecided:
		return true
	}
	return false
}

// remember puts into the play's state what only time has brought into the record.
func (r Record) remember(play *simulated.Play) error {
	s := play.State()
	s.Rejected, s.Promoted = r.Rejected, r.Promoted
	if s.Attempts == nil {
		s.Attempts = map[string]int{}
	}
	for revision, n := range r.Attempts {
		s.Attempts[revision] = n
	}
	if s.Candidate != nil && r.Attempts[s.Candidate.Revision] > 0 {
		s.Candidate.Attempt = r.Attempts[s.Candidate.Revision]
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	play.Record = string(text)
	return nil
}

// wanted is what a revision of the record was rendered from. Where its commit is not at
// hand it is taken to be of the pushed one's size and ways in.
func wanted(s *Side, r *Revision, next Side) strategies.Wanted {
	w := *next.Wanted
	if s != nil && s.Wanted != nil {
		w = *s.Wanted
	}
	w.Revision, w.Commit, w.Images, w.Source.Commit = r.Revision, r.Commit, r.Images, r.Commit
	return w
}

func file(s *Side, next Side) string {
	if s != nil && s.Wanted != nil {
		return s.File
	}
	return next.File
}

// follow plays the push to its end; people say yes at once.
func follow(play *simulated.Play, name string, next Side) (course.Course, error) {
	c, err := course.Follow(play, course.Options{Name: name, File: next.File})
	if err == nil && len(c.Moments) == 0 {
		err = errors.New("nothing happens")
	}
	return c, err
}
