package edit

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Promotion is what `kexal promote` is about to write.
type Promotion struct {
	Revision      string
	Step          int // 0 when Full, and when it opens every gate and IgnoreWindows
	Full          bool
	IgnoreWindows bool
}

func (p Promotion) String() string {
	text := "promote " + p.Revision
	switch {
	case p.Full:
		text += " in full"
	case p.Step > 0:
		text += fmt.Sprintf(" to step %d", p.Step)
	}
	if p.IgnoreWindows {
		text += ", ignoring windows"
	}
	return text
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
	case p.Revision != "" && explicit && !awaits(s, p.Revision):
		return p, nil // ahead of what is known here
	case s == nil && p.Revision == "":
		return p, fmt.Errorf("it is not known here what runs as %s: --revision names it", name)
	case !awaits(s, p.Revision):
		if s == nil || s.Candidate == nil && p.Revision != "" {
			return p, fmt.Errorf("it is not known here where %s of %s stands: --step or --full says how far it may go", p.Revision, name)
		}
		if s.Candidate == nil {
			return p, fmt.Errorf("%s is %s: nothing waits for a promotion", name, s.Phase)
		}
		return p, fmt.Errorf("%s tries %s, not %s: --step or --full says how far that one may go", name, s.Candidate.Revision, p.Revision)
	}
	p.Revision = awaiting(s)
	switch {
	case p.Full:
	case explicit && s.Step != nil && p.Step > s.Step.Of:
		return p, fmt.Errorf("%s has %d steps: there is no step %d", name, s.Step.Of, p.Step)
	case explicit && s.Step != nil && p.Step < s.Step.Index:
		return p, fmt.Errorf("%s stands at step %d: a promotion to step %d opens nothing", name, s.Step.Index, p.Step)
	case explicit:
	case s.Reason == strategies.WaitingForWindow && !p.IgnoreWindows:
		opens := ", and none opens within a year"
		if s.NextAt != nil {
			opens = " until " + s.NextAt.UTC().Format(time.RFC3339)
		}
		return p, fmt.Errorf("%s waits for its window%s: --ignore-windows passes it", name, opens)
	case !waits(s):
		return p, fmt.Errorf("%s is %s (%s): nothing waits for a promotion; --step and --full approve ahead", name, s.Phase, s.Message)
	case s.Step != nil:
		p.Step = s.Step.Index
	case s.Candidate == nil || s.Stable == nil:
		p.Step = 1 // behind the one gate of blue/green, and at that of a first release
	}
	return p, nil
}

// Keeping is the promotion with what rollout.yaml approves for its revision already: who
// passes a window takes nothing back.
func (p Promotion) Keeping(src []byte, s *strategies.Status) Promotion {
	was := granted(src, p.Revision, s)
	switch {
	case was == nil:
	case was.Full:
		p.Step, p.Full = 0, true
	case was.Step == 0:
		p.Step = 0 // every gate that waits for a person
	default:
		p.Step = max(p.Step, was.Step)
	}
	return p
}

// granted is the promotion of a revision that rollout.yaml holds; nil = none.
func granted(src []byte, revision string, s *strategies.Status) *strategies.Promote {
	r, err := strategies.Decode("rollout.yaml", src)
	if err != nil {
		return nil
	}
	p := r.Spec.Intents.Promote
	if p == nil {
		return nil
	}
	if names, _ := naming(p.Revision, revision, "promote", s); !names {
		return nil
	}
	return p
}

// naming says whether a text of rollout.yaml names a revision (SPEC 4.1), and whether that
// is certain. It may be an image's tag; then only the status can tell. Without a status
// the revision may be a prefix as well.
func naming(text, revision, field string, s *strategies.Status) (names, certain bool) {
	whole := wholeRevision.MatchString(text)
	if len(text) >= 6 && strings.HasPrefix(revision, text) || whole && len(revision) >= 6 && strings.HasPrefix(text, revision) {
		return true, true
	}
	if s != nil {
		for _, told := range s.Intents {
			if told.Field == field && told.Revision == text {
				return told.State == strategies.Honoured || told.State == strategies.Refused, true
			}
		}
	}
	return false, whole
}

var wholeRevision = regexp.MustCompile(`^[0-9a-f]{10}$`)

// tries says whether the revision is the candidate; none names whatever is tried.
func tries(s *strategies.Status, revision string) bool {
	return s != nil && s.Candidate != nil && strings.HasPrefix(s.Candidate.Revision, revision)
}

// awaiting is the revision that a promotion leads on: the candidate, or the promoted one
// of which an analysis could not tell.
func awaiting(s *strategies.Status) string {
	switch {
	case s.Candidate != nil:
		return s.Candidate.Revision
	case s.Reason == strategies.Undecided && s.Stable != nil:
		return s.Stable.Revision
	}
	return ""
}

// awaits says whether this revision is the one; none names whatever it is.
func awaits(s *strategies.Status, revision string) bool {
	return s != nil && awaiting(s) != "" && strings.HasPrefix(awaiting(s), revision)
}

// waits is true where a promotion leads on.
func waits(s *strategies.Status) bool {
	if s.Phase != strategies.Paused {
		return false
	}
	switch s.Reason {
	case strategies.WaitingForPromote, strategies.WaitingForTime:
		return s.Step != nil || s.Stable == nil
	case strategies.Undecided, strategies.WaitingForWindow:
		return true
	}
	return false
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
	case s.Candidate == nil && watched(s) && strings.HasPrefix(stable, revision):
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

// watched is true while a promoted revision can still be taken back.
func watched(s *strategies.Status) bool {
	return s.Reason == strategies.Watching || s.Reason == strategies.Analyzing || s.Reason == strategies.Undecided
}
