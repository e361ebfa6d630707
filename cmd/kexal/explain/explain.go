// Package explain says of one rollout why it stands where it stands, what would move it,
// and what happens next by itself and when.
//
// It is pure: a status, and where there is one the state behind it, in; an explanation
// out. What comes next is not guessed: the state is placed in a simulated namespace, and
// the agent's own Decide plays it to its end.
//
//	why.go     a paragraph for each reason, intent, rejection and problem
//	moves.go   what a person can do that would be heeded now
//	next.go    what comes by itself
//	print.go   all of it for people
package explain

import (
	"regexp"
	"strings"
	"time"

	"github.com/kexal/kexal/strategies"
)

// Facts are what an explanation is made of.
type Facts struct {
	Status strategies.Status
	State  *strategies.State // nil where only the ledger speaks
	From   string            // which place spoke, and how old its news is
	Now    time.Time
}

// An Explanation is what programs read; the keys stay.
type Explanation struct {
	APIVersion string                    `json:"apiVersion"`
	Kind       string                    `json:"kind"`
	Metadata   strategies.StatusMetadata `json:"metadata"`
	From       string                    `json:"from"`
	At         time.Time                 `json:"at"`
	Stands     Standing                  `json:"stands"`
	Why        []Because                 `json:"why"`
	Moves      []Move                    `json:"moves"`
	Next       []Course                  `json:"next"`
}

// A Standing is where the rollout is.
type Standing struct {
	Phase     strategies.Phase        `json:"phase"`
	Reason    strategies.Reason       `json:"reason"`
	Message   string                  `json:"message"`
	Since     time.Time               `json:"since"`
	NextAt    *time.Time              `json:"nextAt"`
	Step      *Step                   `json:"step,omitempty"`
	Weight    int                     `json:"weight"`
	Stable    *strategies.TrackStatus `json:"stable,omitempty"`
	Candidate *strategies.TrackStatus `json:"candidate,omitempty"`
	Source    strategies.Source       `json:"source"`
}

// A Step is the one it stands at.
type Step struct {
	Index int    `json:"index"`
	Of    int    `json:"of"`
	Does  string `json:"does,omitempty"` // in its own words; empty where they are not known
}

// Of explains.
func Of(f Facts) Explanation {
	s := f.Status
	e := Explanation{
		APIVersion: strategies.APIVersion, Kind: "RolloutExplanation", Metadata: s.Metadata, From: f.From, At: f.Now,
		Stands: Standing{
			Phase: s.Phase, Reason: s.Reason, Message: s.Message, Since: s.Since, NextAt: s.NextAt,
			Weight: s.Weight, Stable: s.Stable, Candidate: s.Candidate, Source: s.Source,
		},
		Why: f.why(), Moves: f.moves(), Next: f.next(),
	}
	if p := s.Step; p != nil {
		e.Stands.Step = &Step{Index: p.Index, Of: p.Of, Does: f.step(*p)}
	}
	return e
}

// step is a step in its own words, where the state has them.
func (f Facts) step(p strategies.Position) string {
	if f.State == nil || f.State.Spec == nil {
		return ""
	}
	spec := f.State.Spec
	switch steps := spec.Canary.Steps; {
	case spec.BlueGreen != nil && spec.BlueGreen.AutoPromotion:
		return "the preview, then the switch of all Services"
	case spec.BlueGreen != nil:
		return "the preview, a gate for a person, then the switch of all Services"
	case f.State.Step > len(steps):
		return "the last one is passed, all users follow"
	case p.Index <= len(steps):
		return steps[p.Index-1].String()
	}
	return ""
}

// revisions look like this (SPEC 2.1).
var revisions = regexp.MustCompile(`\b[0-9a-f]{10}\b`)

// waits is a revision that Git asks for and that is neither tried nor stable yet. No field
// has it; the sentence does.
func (f Facts) waits() string {
	for _, r := range revisions.FindAllString(f.Status.Message, -1) {
		if (f.Status.Stable == nil || r != f.Status.Stable.Revision) && (f.Status.Candidate == nil || r != f.Status.Candidate.Revision) {
			return r
		}
	}
	return ""
}

// trouble is what Kubernetes says of the pods, which stands at the end of the sentence.
func (f Facts) trouble() string {
	switch f.Status.Reason {
	case strategies.FirstRelease, strategies.Failed, strategies.StartingPreview, strategies.MovingWeight, strategies.Promoting,
		strategies.WaitingForTime, strategies.WaitingForPromote, strategies.WaitingForWindow:
	default:
		return ""
	}
	message := strings.NewReplacer("first release: ", "", "paused: waiting", "waiting", "cut off: waiting", "waiting").Replace(f.Status.Message)
	_, trouble, _ := strings.Cut(message, ": ")
	return trouble
}

func revisionOf(t *strategies.TrackStatus) string {
	if t == nil {
		return ""
	}
	return t.Revision
}

func short(commit string) string { return commit[:min(len(commit), 10)] }

// clock is a moment; its date too when that is not the day of the other.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05Z")
	}
	return t.Format("2006-01-02 15:04:05Z")
}
