package edit

import (
	"fmt"
	"strings"

	"github.com/kexal/kexal/strategies"
)

// A Promotion is what `kexal promote` is about to write.
type Promotion struct {
	Revision string
	Step     int // 0 when Full
	Full     bool
}

func (p Promotion) String() string {
	if p.Full {
		return "promote " + p.Revision + " in full"
	}
	return fmt.Sprintf("promote %s to step %d", p.Revision, p.Step)
}

// Promote completes what a person asked for with what the status knows: the revision
// that is being tried, and the step it stands at (SPEC 4.4). Without a status the
// person has to say both.
func Promote(name string, s *strategies.Status, asked Promotion) (Promotion, error) {
	p := asked
	explicit := p.Step != 0 || p.Full
	switch {
	case p.Step != 0 && p.Full:
		return p, fmt.Errorf("--step and --full exclude each other")
	case p.Step < 0:
		return p, fmt.Errorf("--step %d: steps count from 1", p.Step)
	case p.Revision != "" && explicit && !tries(s, p.Revision):
		return p, nil // ahead of what is known here
	case s == nil && p.Revision == "":
		return p, fmt.Errorf("it is not known here what runs as %s: --revision names it", name)
	case !tries(s, p.Revision):
		if s == nil || s.Candidate == nil && p.Revision != "" {
			return p, fmt.Errorf("it is not known here where %s of %s stands: --step or --full says how far it may go", p.Revision, name)
		}
		if s.Candidate == nil {
			return p, fmt.Errorf("%s is %s: nothing waits for a promotion", name, s.Phase)
		}
		return p, fmt.Errorf("%s tries %s, not %s: --step or --full says how far that one may go", name, s.Candidate.Revision, p.Revision)
	}
	p.Revision = s.Candidate.Revision
	switch {
	case p.Full:
	case explicit && s.Step != nil && p.Step > s.Step.Of:
		return p, fmt.Errorf("%s has %d steps: there is no step %d", name, s.Step.Of, p.Step)
	case explicit && s.Step != nil && p.Step < s.Step.Index:
		return p, fmt.Errorf("%s stands at step %d: a promotion to step %d opens nothing", name, s.Step.Index, p.Step)
	case explicit:
	case !waits(s):
		return p, fmt.Errorf("%s is %s (%s): nothing waits for a promotion; --step and --full approve ahead", name, s.Phase, s.Message)
	default:
		p.Step = s.Step.Index
	}
	return p, nil
}

// tries says whether the revision is the candidate; none names whatever is tried.
func tries(s *strategies.Status, revision string) bool {
	return s != nil && s.Candidate != nil && strings.HasPrefix(s.Candidate.Revision, revision)
}

// waits is true at the gates that a promotion opens.
func waits(s *strategies.Status) bool {
	return s.Step != nil && s.Phase == strategies.Paused &&
		(s.Reason == strategies.WaitingForPromote || s.Reason == strategies.WaitingForTime)
}

// Abort is the revision that an abort rejects: the one being tried, or the promoted
// one as long as it is watched (SPEC 4.5).
func Abort(name string, s *strategies.Status, revision string) (string, error) {
	if s == nil {
		if revision == "" {
			return "", fmt.Errorf("it is not known here what runs as %s: --revision names it", name)
		}
		return revision, nil
	}
	stable := ""
	if s.Stable != nil {
		stable = s.Stable.Revision
	}
	for _, r := range s.Rejected {
		if s.Candidate == nil && r.Revision != stable && revision != "" && strings.HasPrefix(r.Revision, revision) {
			return "", fmt.Errorf("%s: %s is rejected already", name, r.Revision)
		}
	}
	switch {
	case s.Reason == strategies.Watching && strings.HasPrefix(stable, revision):
		return stable, nil
	case s.Candidate != nil && stable == "":
		return "", fmt.Errorf("%s: %s is the first release: there is nothing to go back to", name, s.Candidate.Revision)
	case tries(s, revision):
		return s.Candidate.Revision, nil
	case stable != "" && strings.HasPrefix(stable, revision):
		return "", fmt.Errorf("%s: %s is already stable: git revert brings the old one back", name, stable)
	case revision != "":
		return revision, nil // a push that the status does not know yet
	}
	return "", fmt.Errorf("%s is %s: there is nothing to abort", name, s.Phase)
}
