package plan

import (
	"strings"
	"time"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/strategies"
)

// A Row is a step of the course, or what comes before and after them.
type Row struct {
	Step    int           // from 1; 0 = none of rollout.yaml's
	Of      int           // how many there are
	After   time.Duration // since the push, when it begins
	What    string
	Weight  int // percent of users that the new revision has when it is done
	Old     course.Pods
	New     course.Pods
	Gate    course.Gate
	Wait    time.Duration // of a timed gate
	Who     string        // has to act; empty = nobody
	Command string        // with which they do
}

// rows are the steps that a course takes, and how long it is until users are where Git
// wants them.
func rows(c course.Course, spec strategies.Spec) (all []Row, took time.Duration) {
	var told []course.Moment
	for _, m := range c.Moments {
		if m.Kind == course.Told {
			told = append(told, m)
		}
	}
	steps := stepsOf(spec)
	took = c.Took
	place := 0
	for i, m := range told {
		at := position(m, c, len(steps))
		for skipped := max(place, 1); skipped < at && at <= len(steps) && place > 0; skipped++ {
			if skipped > place {
				all = append(all, Row{Step: skipped, Of: len(steps), After: m.After, What: steps[skipped-1] + ", passed at once", Weight: m.Live, Old: m.Old, New: m.New})
			}
		}
		r := Row{After: m.After, Weight: m.Live, Old: m.Old, New: m.New, Gate: m.Gate, Who: m.Who, Command: m.Command}
		if m.Gate == course.Time && m.Until != nil {
			r.Wait = m.Until.Sub(m.At)
		}
		if i+1 < len(told) && m.Gate == course.NoGate && (at <= len(steps) || m.Reason == strategies.Promoting) { // what it comes to is known when the next begins
			r.Weight, r.Old, r.New = told[i+1].Live, told[i+1].Old, told[i+1].New
		}
		switch {
		case at == 0:
			r.What = sentence(m)
		case at <= len(steps):
			r.Step, r.Of, r.What = at, len(steps), steps[at-1]
		case m.Reason == strategies.Promoting:
			r.What = "promotion: all users"
		default:
			r.What = sentence(m)
			if m.Asked == 100 && took == c.Took {
				took = m.After
			}
		}
		if m.Reason == strategies.Watching && i > 0 && told[i-1].Reason == strategies.Watching {
			continue // only what is watched ends, and the old pods are there as they were
		}
		place = at
		if n := len(all); n > 0 && same(all[n-1], r) {
			all[n-1] = merged(all[n-1], r)
			continue
		}
		all = append(all, r)
	}
	return all, took
}

// stepsOf are the steps as their author wrote them, in short.
func stepsOf(spec strategies.Spec) (all []string) {
	if spec.BlueGreen != nil {
		return []string{"preview"}
	}
	for _, s := range spec.Canary.Steps {
		all = append(all, s.String())
	}
	return all
}

// position is the step that a moment is at: 0 = before them, above the last = behind.
func position(m course.Moment, c course.Course, steps int) int {
	switch {
	case m.Reason == strategies.GoingBack, c.Old == "", m.Reason == strategies.Queued:
		return 0
	case m.Reason == strategies.Promoting, m.Step == nil && m.Asked == 100:
		return steps + 1
	case m.Step != nil:
		return m.Step.Index
	}
	return 0
}

// same tells that two rows are one to people: a step that moves, and then waits.
func same(a, b Row) bool {
	return a.Step == b.Step && (a.Step > 0 || a.What == b.What) && a.Gate == course.NoGate
}

func merged(a, b Row) Row {
	b.After = a.After
	return b
}

// sentence is what a moment tells, without what follows it and without clocks: a plan
// does not know when it begins.
func sentence(m course.Moment) string {
	switch {
	case m.Reason == strategies.Watching && m.Until != nil:
		return "stable; the old pods are kept for " + short(m.Until.Sub(m.At))
	case m.Reason == strategies.Queued:
		return "waits for the end of the watch"
	}
	first, _, _ := strings.Cut(m.What, ", paused until")
	return first
}

// standing is the step that a rollout in flight waits at when the commit comes; nil = it
// does not wait.
func standing(s strategies.State, f Facts) *Row {
	steps := stepsOf(f.Next.Spec)
	if s.Candidate == nil || s.Step < 1 || s.Step > len(steps) {
		return nil
	}
	r := &Row{Step: s.Step, Of: len(steps), What: steps[s.Step-1], Weight: s.Live}
	switch s.Reason {
	case strategies.WaitingForPromote:
		r.Gate, r.Who, r.Command = course.Person, "a person", "kexal promote "+f.Name
	case strategies.WaitingForTime:
		r.Gate = course.Time
	default:
		return nil
	}
	return r
}
