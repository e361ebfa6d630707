package edit

import (
	"fmt"
	"strings"

	"github.com/kexal/kexal/strategies"
	"go.yaml.in/yaml/v4"
)

// A Retrial is what `kexal retry` is about to write.
type Retrial struct {
	Revision string
	Attempt  int // the one that it asks for; the first was 1
}

func (r Retrial) String() string { return fmt.Sprintf("retry %s, attempt %d", r.Revision, r.Attempt) }

// Retry completes what a person asked for with what the status knows: the revision that
// is rejected, and how often it was tried (SPEC 4.6). Without a status the person has to
// say both.
func Retry(name string, s *strategies.Status, asked Retrial) (Retrial, error) {
	r := asked
	switch {
	case r.Attempt != 0 && r.Attempt < 2:
		return r, fmt.Errorf("--attempt %d: the first is 1, so a retry is 2 or more", r.Attempt)
	case s == nil && r.Revision == "":
		return r, fmt.Errorf("it is not known here what was rejected of %s: --revision names it", name)
	case s == nil && r.Attempt == 0:
		return r, fmt.Errorf("it is not known here how often %s of %s was tried: --attempt says which one comes now", r.Revision, name)
	case s == nil:
		return r, nil
	}
	for _, rejected := range s.Rejected {
		if !strings.HasPrefix(rejected.Revision, r.Revision) {
			continue
		}
		made := max(rejected.Attempt, 1)
		if c := s.Candidate; c != nil && c.Revision == rejected.Revision {
			made = max(made, c.Attempt)
		}
		if r.Attempt != 0 && r.Attempt <= made {
			return r, fmt.Errorf("%s: attempt %d of %s was made: the next one is %d", name, r.Attempt, rejected.Revision, made+1)
		}
		return Retrial{Revision: rejected.Revision, Attempt: max(r.Attempt, made+1)}, nil
	}
	return r, notRejected(name, s, r.Revision)
}

// notRejected says what the revision is instead.
func notRejected(name string, s *strategies.Status, revision string) error {
	if tries(s, revision) {
		if s.Reason == strategies.GoingBack {
			return fmt.Errorf("%s: users are still going back from %s: retry it when that is over", name, s.Candidate.Revision)
		}
		revision = s.Candidate.Revision
	} else if s.Stable != nil && strings.HasPrefix(s.Stable.Revision, revision) {
		revision = s.Stable.Revision
	}
	if revision == "" {
		return fmt.Errorf("%s is %s: nothing to retry", name, s.Phase)
	}
	return fmt.Errorf("%s: %s is not rejected: nothing to retry", name, revision)
}

// SetRetry writes `retry: {revision: REV, attempt: N}` under spec. An abort that names the
// same revision beats it (SPEC 4.6), and goes with its line. The status, which may be nil,
// tells what an abort by an image's tag means.
func SetRetry(src []byte, r Retrial, s *strategies.Status) ([]byte, error) {
	if r.Revision == "" || r.Attempt < 2 {
		return nil, &Refusal{Why: "a retry names its revision, and an attempt from 2 on"}
	}
	root, err := parse(src)
	if err != nil {
		return nil, err
	}
	var gone []string
	if _, spec := pair(root, "spec"); spec != nil {
		if _, abort := pair(spec, "abort"); abort != nil && abort.Kind == yaml.ScalarNode && abort.ShortTag() != "!!null" {
			names, certain := naming(abort.Value, r.Revision, "abort", s)
			switch {
			case !certain:
				return nil, &Refusal{Line: abort.Line, Col: abort.Column, Why: "this abort may mean " + r.Revision + " too, and would beat the retry: take it away first"}
			case names:
				gone = []string{"abort"}
			}
		}
	}
	return set(src, "retry", []entry{{"revision", scalar(r.Revision)}, {"attempt", fmt.Sprint(r.Attempt)}}, gone...)
}

// StillOpen tells that a promotion in rollout.yaml names the revision, and opens its gates
// in the next attempt as well.
func StillOpen(src []byte, revision string, s *strategies.Status) bool {
	return granted(src, revision, s) != nil
}
