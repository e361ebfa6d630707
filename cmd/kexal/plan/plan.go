// Package plan says what a commit would do to what runs: the difference of objects, the
// course of the rollout with its gates, and what is worth a warning.
//
//	record.go   what runs, as the cluster or the ledger says it
//	objects.go  what becomes of each object
//	diff.go     the lines that differ
//	play.go     the play that stands where the record does
//	course.go   the steps of that play
//	headline.go all of it in one sentence
//	text.go, markdown.go, json.go: how it is shown
//
// It does no I/O. What decides is [strategies.Decide], in a play of package simulated;
// what reads a commit is what the agent reads it with.
package plan

import (
	"slices"
	"time"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// An Outcome is what a commit comes to, in one word of a closed list.
type Outcome string

const (
	FirstRelease Outcome = "FirstRelease" // nothing runs yet
	Rollout      Outcome = "Rollout"      // a new revision is tried
	Supersedes   Outcome = "Supersedes"   // a new revision takes the place of the one that is tried
	GoesOn       Outcome = "GoesOn"       // the one that is tried goes on
	Back         Outcome = "Back"         // users go back to what served before
	Stays        Outcome = "Rejected"     // Git asks for a revision that may not run
	Applied      Outcome = "Applied"      // nothing that runs changes; objects are applied at once
	Nothing      Outcome = "Nothing"      // stable already
	Mistaken     Outcome = "Mistaken"     // the agent would hold the commit
)

// A Plan is what a commit would do.
type Plan struct {
	Rollout, Namespace string
	Outcome            Outcome
	Headline           string
	Strategy           string

	Against   string    // who says what runs, and how old that is
	Stable    *Revision // nil = nothing runs
	Candidate *Revision // what is tried now; nil = nothing is
	Next      Revision
	Replicas  int32 // pods that Git asks for

	Changes  []Change
	Unknown  string // why there are no changes to see; empty = there are, or there is nothing to tell
	Course   []Row
	Took     time.Duration // until users are where Git wants them, with people that say yes at once
	Peak     int           // pods at once; 0 = as many as run
	Warnings []string
	Problems []strategies.Problem
}

// Facts are what a plan is made of.
type Facts struct {
	Name, Namespace string
	Next            Side
	Record          Record
	Stable          *Side  // what the record's stable was rendered from; nil = not at hand
	Applied         *Side  // what the objects that are there were rendered from; nil likewise
	Unknown         string // why not
	Candidate       *Side
	At              time.Time
	Quotas          []Quota
}

// A Quota tells what it would be exceeded by when more pods of a release run; nil = there
// is room.
type Quota func(r *release.Release, more int32) (warning string)

// Make plans.
func Make(f Facts) (Plan, error) {
	p := Plan{
		Rollout: f.Name, Namespace: f.Namespace, Against: f.Record.Where,
		Stable: f.Record.Stable, Candidate: f.Record.Candidate, Problems: f.Next.Problems, Strategy: f.Next.Spec.Strategy(),
	}
	if len(p.Problems) == 0 && f.Record.Stable != nil && f.Stable != nil && f.Stable.Release != nil {
		p.Problems = f.Next.Spans(f.Stable.Release.Track(f.Record.Stable.Commit), f.Next.Tree)
	}
	if len(p.Problems) > 0 {
		p.Outcome = Mistaken
		p.Headline = headline(p, f, course.Course{})
		return p, nil
	}
	w := f.Next.Wanted
	p.Next, p.Replicas = Revision{w.Revision, w.Commit, w.Images}, w.Pods()
	if err := p.objects(f); err != nil {
		return p, err
	}
	var c course.Course
	if f.Record.atRest(w.Revision) {
		p.Outcome = Nothing
		if _, resized := f.resized(); resized || slices.ContainsFunc(p.Changes, func(c Change) bool { return c.When == AtOnce }) {
			p.Outcome = Applied
		}
	} else {
		play, err := f.Record.at(f.At, f.Stable, f.Candidate, f.Next)
		if err != nil {
			return p, err
		}
		stands := standing(play.State(), f)
		if c, err = follow(play, f.Name, f.Next); err != nil {
			return p, err
		}
		p.Outcome = f.Record.outcome(w.Revision, c)
		p.Course, p.Took = rows(c, f.Next.Spec)
		if p.Outcome == GoesOn && stands != nil {
			stands.Old, stands.New = c.Moments[0].Old, c.Moments[0].New
			p.Course = append([]Row{*stands}, p.Course...)
		}
		p.Peak = c.Peak
	}
	p.warn(f, c)
	p.Headline = headline(p, f, c)
	return p, nil
}

// atRest: nothing is in flight, and Git asks for what serves.
func (r Record) atRest(wanted string) bool {
	return r.Stable != nil && r.Candidate == nil && !r.Back && r.Stable.Revision == wanted
}

// outcome is the word for a course.
func (r Record) outcome(wanted string, c course.Course) Outcome {
	switch last := c.Last(); {
	case r.Stable == nil:
		return FirstRelease
	case last.Reason == strategies.Rejected || last.Reason == strategies.Aborted:
		return Stays
	case r.Stable.Revision == wanted, r.Warm != nil && r.Warm.Revision == wanted:
		return Back
	case r.Candidate != nil && r.Candidate.Revision == wanted:
		return GoesOn
	case r.Candidate != nil:
		return Supersedes
	}
	return Rollout
}

// objects compares what is applied with what is planned.
func (p *Plan) objects(f Facts) (err error) {
	var from *release.Release
	switch {
	case f.Record.Stable == nil:
	case f.Applied == nil || f.Applied.Release == nil:
		p.Unknown = f.Unknown
		return nil
	default:
		from = f.Applied.Release
	}
	moves := f.Record.Stable != nil && f.Record.Stable.Revision != f.Next.Wanted.Revision
	p.Changes, err = changes(from, f.Next.Release, moves)
	return err
}
