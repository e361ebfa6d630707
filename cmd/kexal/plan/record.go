package plan

import (
	"github.com/kexal/kexal/strategies"
)

// A Record is what is known of what runs: all of it where the cluster says it, the
// roles, the step and the rejections where only the ledger does.
type Record struct {
	Where     string // for people: who says so, and how old it is
	Phase     strategies.Phase
	Reason    strategies.Reason
	Source    string    // the commit that was read last
	Stable    *Revision // nil = nothing was promoted yet
	Candidate *Revision // nil outside a rollout
	Warm      *Revision // what stable took the place of, while its pods are kept
	Back      bool      // users are on their way back to stable
	Step      int       // of the candidate; from 1, above the number of steps = promoting
	Rejected  []strategies.Rejection
	Attempts  map[string]int
	Promoted  []string // revisions that became stable, the last one first
}

// A Revision that runs, and the commit that rendered it.
type Revision struct {
	Revision string   `json:"revision"`
	Commit   string   `json:"commit,omitempty"` // empty = as the files lie on disk
	Images   []string `json:"images,omitempty"`
}

// FromState is what the state ConfigMap of a rollout says.
func FromState(s strategies.State, where string) Record {
	r := Record{
		Where: where, Phase: s.Phase, Reason: s.Reason, Source: s.Source.Commit,
		Stable: revisionOf(s.Stable), Candidate: revisionOf(s.Candidate), Back: s.Back != nil, Step: s.Step,
		Rejected: s.Rejected, Attempts: s.Attempts, Promoted: s.Promoted,
	}
	if s.Warm != nil {
		r.Warm = revisionOf(&s.Warm.Old)
	}
	return r
}

func revisionOf(t *strategies.Track) *Revision {
	if t == nil {
		return nil
	}
	return &Revision{t.Revision, t.Commit, t.Images}
}

// FromStatus is what status.yaml says: enough to know where it stands.
func FromStatus(s strategies.Status, where string) Record {
	r := Record{Where: where, Phase: s.Phase, Reason: s.Reason, Source: s.Source.Commit, Rejected: s.Rejected, Attempts: map[string]int{}}
	if t := s.Stable; t != nil {
		r.Stable = &Revision{t.Revision, t.Commit, t.Images}
	}
	if t := s.Candidate; t != nil {
		r.Candidate = &Revision{t.Revision, t.Commit, t.Images}
		r.Attempts[t.Revision] = t.Attempt
	}
	for _, rejected := range s.Rejected {
		r.Attempts[rejected.Revision] = rejected.Attempt
	}
	if s.Step != nil {
		r.Step = s.Step.Index
		if s.Reason == strategies.Promoting {
			r.Step++
		}
	}
	r.Back = s.Reason == strategies.GoingBack
	return r
}

// settled: what was read last is what is applied.
func (r Record) settled() bool {
	return r.Candidate == nil && r.Phase == strategies.Healthy
}

// Applied is the commit whose objects are there, as far as it is one: shared objects of a
// later commit than stable's are applied when it keeps the revision (SPEC 2.2).
func (r Record) Applied() string {
	switch {
	case r.Stable == nil:
		return ""
	case r.settled() && r.Source != "":
		return r.Source
	}
	return r.Stable.Commit
}

// rejected is why a revision may not run; nil = it may.
func (r Record) rejected(revision string) *strategies.Rejection {
	for i := range r.Rejected {
		if r.Rejected[i].Revision == revision {
			return &r.Rejected[i]
		}
	}
	return nil
}
