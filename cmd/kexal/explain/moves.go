package explain

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kexal/kexal/strategies"
)

// A Move is something that a person can do and that would be heeded now.
type Move struct {
	Kind     string   `json:"kind"`
	Does     string   `json:"does"`
	Commands []string `json:"commands,omitempty"`
	// The plain edit, to be committed and pushed: a line to write under spec, or one to
	// take away.
	File   string `json:"file,omitempty"`
	Write  string `json:"write,omitempty"`
	Remove string `json:"remove,omitempty"`
}

// The kinds of moves.
const (
	Promote = "promote" // past the gate that it stands at
	Full    = "full"    // past all steps that are left
	Abort   = "abort"
	Revert  = "revert" // Git asks for what is stable again
	Retry   = "retry"
	Mend    = "mend"   // a mistake in the repository
	Unpause = "resume" // `paused: true` goes
	Quota   = "quota"  // room for pods
	Push    = "push"   // another revision
)

// moves are those that would be heeded where it stands.
func (f Facts) moves() []Move {
	s := f.Status
	all := []Move{}
	name, file := s.Metadata.Name, path.Join(s.Source.Path, "rollout.yaml")
	candidate, stable := revisionOf(s.Candidate), revisionOf(s.Stable)
	inFlight := candidate != "" && stable != "" && s.Reason != strategies.GoingBack
	intent := func(kind, does, command, write string) {
		m := Move{Kind: kind, Does: does, File: file, Write: write}
		if command != "" {
			m.Commands = []string{command}
		}
		all = append(all, m)
	}
	full := func(revision string) string { return fmt.Sprintf("promote: {revision: %s, full: true}", revision) }
	upTo := func(revision string, step int) string {
		return fmt.Sprintf("promote: {revision: %s, step: %d}", revision, step)
	}

	for _, p := range s.Problems {
		if p.Path != "" {
			all = append(all, Move{Kind: Mend, Does: "mend " + p.String()})
		}
	}
	if s.Reason == strategies.PausedByIntent {
		all = append(all, Move{Kind: Unpause, Does: "goes on where it stood; the clocks go on too", File: file, Remove: "paused: true"})
	}
	// What a promote opens.
	switch s.Reason {
	case strategies.WaitingForPromote:
		switch {
		case stable == "":
			intent(Full, "sends users to the first release", "kexal promote "+name+" --full", full(candidate))
		case f.cutOff():
			intent(Full, "sends all users to "+candidate, "kexal promote "+name+" --full", full(candidate))
		case s.Step != nil:
			intent(Promote, "passes "+f.gate(), "kexal promote "+name, upTo(candidate, s.Step.Index))
		}
	case strategies.WaitingForTime:
		if s.Step != nil {
			intent(Promote, "ends the pause of "+f.gate()+" now", "kexal promote "+name, upTo(candidate, s.Step.Index))
		}
	case strategies.Undecided:
		if s.Step != nil && inFlight {
			intent(Promote, "passes what is inconclusive", fmt.Sprintf("kexal promote %s --step %d", name, s.Step.Index), upTo(candidate, s.Step.Index))
		} else {
			intent(Promote, "passes what is inconclusive", fmt.Sprintf("kexal promote %s --revision %s --step 1", name, stable), upTo(stable, 1))
		}
	case strategies.WaitingForWindow:
		if s.Step != nil && inFlight {
			intent(Promote, "passes the window", "", fmt.Sprintf("promote: {revision: %s, step: %d, ignoreWindows: true}", candidate, s.Step.Index))
		}
	case strategies.Queued:
		if next := f.waits(); next != "" {
			intent(Full, "starts "+next+" when the drain is over, and gives up the way back to the old pods", fmt.Sprintf("kexal promote %s --revision %s --full", name, next), full(next))
		}
	}
	if inFlight && f.stepsLeft() {
		intent(Full, "skips the steps that are left; pods have to be ready all the same", "kexal promote "+name+" --full", full(candidate))
	}
	if strings.Contains(s.Message, "exceeded quota") {
		all = append(all, Move{Kind: Quota, Does: "make room in the namespace's ResourceQuota: the pods follow within a minute"})
	}
	// The ways back.
	switch {
	case inFlight && f.gone(): // there is nowhere to go back to
	case inFlight:
		intent(Abort, "brings users back to "+stable+", and rejects "+candidate, "kexal abort "+name, "abort: "+candidate)
	case s.Reason == strategies.Watching:
		intent(Abort, "brings users back to the old pods, and rejects "+stable, "kexal abort "+name, "abort: "+stable)
	case candidate == "" && (s.Reason == strategies.Undecided || s.Reason == strategies.Analyzing):
		intent(Abort, "brings users back to the old pods, and rejects "+stable, "", "abort: "+stable)
	}
	// Git asks for what ran before: what a commit renders, its directory renders again.
	back := func(does, revision, commit string) {
		all = append(all, Move{
			Kind: Revert, Does: does + " (git revert of what came since does the same)",
			Commands: []string{
				fmt.Sprintf("git restore --source=%s --staged --worktree -- %s", short(commit), s.Source.Path),
				fmt.Sprintf("git commit -m '%s: back to %s'", name, revision), "git push",
			},
		})
	}
	switch {
	case s.Reason == strategies.Held && len(s.Problems) > 0 && !f.runs(s.Source.Commit):
		all = append(all, Move{
			Kind: Revert, Does: "takes back the commit that cannot be acted on",
			Commands: []string{"git revert --no-edit " + short(s.Source.Commit), "git push"},
		})
	case inFlight:
		back("Git asks for "+stable+" again: the rollout ends, and nothing is rejected", stable, s.Stable.Commit)
	case f.State != nil && f.State.Warm != nil && s.Reason != strategies.Queued:
		old := f.State.Warm.Old
		back("Git asks for "+old.Revision+" again: its pods are warm, and users are switched back at once", old.Revision, old.Commit)
	case s.Reason == strategies.Queued:
		back("Git asks for "+stable+" again: nothing is queued any more", stable, s.Stable.Commit)
	case f.stays():
		back("Git asks for "+stable+" again, which serves", stable, s.Stable.Commit)
	}
	if f.stays() {
		all = append(all, f.retry(file))
	}
	if trouble := f.trouble() != ""; f.stays() || trouble && (inFlight || stable == "") {
		all = append(all, Move{Kind: Push, Does: "another revision: push what mends it, and it is tried instead"})
	}
	return all
}

// gone tells that a hand deleted the Deployment of stable.
func (f Facts) gone() bool {
	return f.Status.Reason == strategies.Held && strings.Contains(f.Status.Message, "the Deployment of stable")
}

// runs tells that a commit is one that was acted on.
func (f Facts) runs(commit string) bool {
	for _, t := range []*strategies.TrackStatus{f.Status.Stable, f.Status.Candidate} {
		if t != nil && t.Commit == commit {
			return true
		}
	}
	return commit == ""
}

// gate names where it stands.
func (f Facts) gate() string {
	if f.Status.Strategy == "blueGreen" {
		return "the gate: all Services are switched"
	}
	return fmt.Sprintf("step %d of %d", f.Status.Step.Index, f.Status.Step.Of)
}

// stepsLeft tells that a full promotion skips more than what it stands at.
func (f Facts) stepsLeft() bool {
	s := f.Status
	if s.Step == nil || f.cutOff() {
		return false
	}
	switch s.Reason {
	case strategies.MovingWeight, strategies.StartingPreview, strategies.Analyzing, strategies.Undecided:
		return true
	case strategies.WaitingForTime, strategies.WaitingForPromote:
		return s.Step.Index < s.Step.Of
	}
	return false
}

// stays tells that Git asks for a revision that is rejected.
func (f Facts) stays() bool {
	return f.Status.Stable != nil && len(f.Status.Rejected) > 0 && (f.Status.Reason == strategies.Aborted || f.Status.Reason == strategies.Rejected)
}

// retry starts a rejected revision again. An abort of it beats that, and has to go.
func (f Facts) retry(file string) Move {
	r := f.Status.Rejected[0]
	m := Move{
		Kind: Retry, Does: "tries " + r.Revision + " once more, from the first step",
		File: file, Write: fmt.Sprintf("retry: {revision: %s, attempt: %d}", r.Revision, max(r.Attempt, 1)+1),
	}
	at := slices.IndexFunc(f.Status.Intents, func(i strategies.IntentStatus) bool {
		return i.Field == "abort" && i.State == strategies.Honoured
	})
	if at >= 0 {
		m.Remove = "abort: " + f.Status.Intents[at].Revision
	}
	return m
}
