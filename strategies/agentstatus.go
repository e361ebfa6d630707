package strategies

import (
	"slices"
	"time"
)

// AgentName names the AgentStatus and the ConfigMap that holds it. No rollout can be
// called so: its name has no dot (SPEC 1.2).
const AgentName = "kexal.agent"

// AgentStatus is what belongs to no rollout (SPEC 7.3): whether the mirror can be read,
// whether everything below the agent's paths can be followed, whether the ledger can be
// written. It holds transitions only (SPEC 7.4): no commit, no time of a poll, no count of
// failures.
type AgentStatus struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   StatusMetadata `json:"metadata"`
	Phase      Phase          `json:"phase"`   // Healthy, or Degraded while there is a problem
	Message    string         `json:"message"` // the first problem, else what changed last
	Since      time.Time      `json:"since"`   // when a condition changed last
	Problems   []Problem      `json:"problems"`
	Conditions []Condition    `json:"conditions"`
}

// The conditions of an AgentStatus, in their order.
const (
	SourceReady = "SourceReady" // the mirror can be read
	Followed    = "Followed"    // every rollout.yaml below the agent's paths is told under a rollout
	Published   = "Published"   // what was to be told in the ledger stands there
)

// Why a condition of an AgentStatus is what it is.
const (
	Working     Reason = "Working"     // and always was
	Recovered   Reason = "Recovered"   // it works again
	Unreachable Reason = "Unreachable" // down, slow, unknown, or no way to it
	Untrusted   Reason = "Untrusted"   // its certificate does not verify
	Denied      Reason = "Denied"      // it does not let this user
	NoBranch    Reason = "NoBranch"    // the branch is not there
	PushRefused Reason = "PushRefused" // a hook or a protected branch says no
	Unusable    Reason = "Unusable"    // it answers with what cannot be used
	Unfollowed  Reason = "Unfollowed"  // a path that is not there, a name that cannot be one
)

// works says in one sentence that a condition holds.
var works = map[string]string{
	SourceReady: "the mirror can be read",
	Followed:    "every rollout.yaml can be followed",
	Published:   "the ledger can be written",
}

// A Trouble is why one end of the repository does not serve, as an error.
type Trouble struct {
	Reason Reason
	Problem
}

func (t *Trouble) Error() string { return t.String() }

// A Fact is what is known of one condition.
type Fact struct {
	Known    bool      // false: not tried yet; what was told last stands
	Reason   Reason    // of the problems
	Problems []Problem // none: it holds
	Since    time.Time // when it was first seen to be so
}

// AgentFacts are all that an AgentStatus is made of.
type AgentFacts struct{ Source, Followed, Ledger Fact }

// Next is the status after what is known now; s is the one before, or zero. The same
// facts give the same status.
func (s AgentStatus) Next(namespace string, facts AgentFacts) AgentStatus {
	next := AgentStatus{Metadata: StatusMetadata{Name: AgentName, Namespace: namespace}}
	next.take(s, SourceReady, facts.Source)
	next.take(s, Followed, facts.Followed)
	next.take(s, Published, facts.Ledger)
	return next.summed()
}

// take adds one condition and its problems.
func (s *AgentStatus) take(was AgentStatus, kind string, fact Fact) {
	old, told := was.Condition(kind)
	if !fact.Known {
		if told {
			s.Conditions = append(s.Conditions, old)
			s.Problems = append(s.Problems, was.problemsOf(old)...)
		}
		return
	}
	c := Condition{Type: kind, Status: "True", Reason: Working, Message: works[kind], LastTransitionTime: fact.Since}
	switch {
	case len(fact.Problems) > 0:
		c.Status, c.Reason, c.Message = "False", fact.Reason, Sentence(fact.Problems)
	case told && old.Reason != Working:
		c.Reason, c.Message = Recovered, c.Message+" again"
	}
	if told && old.Status == c.Status {
		c.LastTransitionTime = old.LastTransitionTime
	}
	s.Conditions = append(s.Conditions, c)
	s.Problems = append(s.Problems, fact.Problems...)
}

// Condition gives one by its type.
func (s AgentStatus) Condition(kind string) (Condition, bool) {
	for _, c := range s.Conditions {
		if c.Type == kind {
			return c, true
		}
	}
	return Condition{}, false
}

// problemsOf are those of one condition: what is wrong in the commit has a path, and of
// either end of the repository there is one problem.
func (s AgentStatus) problemsOf(c Condition) []Problem {
	if c.Status == "True" {
		return nil
	}
	var its []Problem
	for _, p := range s.Problems {
		if c.Type == Followed && p.Path != "" || c.Type != Followed && p.String() == c.Message {
			its = append(its, p)
		}
	}
	return its
}

// summed fills in what follows from the conditions and the problems.
func (s AgentStatus) summed() AgentStatus {
	s.APIVersion, s.Kind = APIVersion, "AgentStatus"
	s.Phase, s.Message, s.Since = Healthy, "", time.Time{}
	var ended time.Time
	for _, c := range s.Conditions {
		if c.LastTransitionTime.After(s.Since) {
			s.Since = c.LastTransitionTime
		}
		// The news is which trouble ended last, not what never was in any.
		if s.Message == "" || c.Reason == Recovered && c.LastTransitionTime.After(ended) {
			s.Message = c.Message
			if c.Reason == Recovered {
				ended = c.LastTransitionTime
			}
		}
	}
	if s.Problems == nil {
		s.Problems = []Problem{}
	}
	if len(s.Problems) > 0 {
		s.Phase, s.Message = Degraded, Sentence(s.Problems)
	}
	return s
}

// ForLedger is the status without what concerns the ledger itself: what stands there was
// published. There is nothing to tell as long as all else always worked.
func (s AgentStatus) ForLedger() (told AgentStatus, any bool) {
	if published, ok := s.Condition(Published); ok {
		about := s.problemsOf(published)
		s.Problems = slices.DeleteFunc(slices.Clone(s.Problems), func(p Problem) bool { return slices.Contains(about, p) })
	}
	s.Conditions = slices.DeleteFunc(slices.Clone(s.Conditions), func(c Condition) bool { return c.Type == Published })
	any = slices.ContainsFunc(s.Conditions, func(c Condition) bool { return c.Reason != Working })
	return s.summed(), any
}
