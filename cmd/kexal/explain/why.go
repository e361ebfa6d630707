package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Because is one paragraph of why.
type Because struct {
	About string `json:"about"` // the reason's word, or "intent", "rejected", "problem", "overdue"
	Text  string `json:"text"`
}

// reasons has a paragraph for each reason of the closed list: which rule it is that holds
// the rollout there.
var reasons = map[strategies.Reason]func(f Facts) string{
	strategies.FirstRelease: func(f Facts) string {
		return fmt.Sprintf("Nothing is stable yet. A first release takes no steps and no gates: the Services lead to %s alone, and it is stable when every pod of it is available.", f.tried())
	},
	strategies.StartingPreview: func(f Facts) string {
		return fmt.Sprintf("The pods of %s start beside %s. No user is sent to them, only its previews lead there. When all of them are ready it comes to its gate.", f.tried(), f.stable())
	},
	strategies.MovingWeight: func(f Facts) string {
		return fmt.Sprintf("It waits for Kubernetes: pods of %s have to be ready before users are sent to them, and the EndpointSlices have to show it before the step is over.", f.tried())
	},
	strategies.WaitingForTime: func(f Facts) string {
		at := "its time is over"
		if f.Status.NextAt != nil {
			at = clock(*f.Status.NextAt, f.Now)
		}
		return fmt.Sprintf("It stands at a timed pause, which counts from the moment the weight was live, and ends at %s. A promote that names this step ends it before.", at)
	},
	strategies.WaitingForPromote: func(f Facts) string {
		switch {
		case f.cutOff():
			return "The steps that were ahead were cut off in mid-rollout. The weight never rises by an edit, so the end of the list promotes nobody: a person says when."
		case f.Status.Stable == nil:
			return "firstRelease: gated. All pods are ready, and only the previews lead to them until a person says yes."
		case f.Status.Strategy == "blueGreen":
			return "Blue/green has one gate for a person: autoPromotionEnabled is false. All Services are switched together when a promote names the revision."
		}
		return "It stands at an open pause, `pause: {}`: no time ends it, only a promote that names this revision and this step."
	},
	strategies.WaitingForWindow: func(f Facts) string {
		return "The weight may rise only inside a window of spec.windows, and none is open (or a freeze is on). Going back is never held by a window."
	},
	strategies.Analyzing: func(f Facts) string {
		if f.Status.Candidate == nil {
			return "The analysis after the promotion has no verdict yet. Until it has, the old pods stay warm, and users go back to them when it fails."
		}
		return "The analysis or experiment of this step has no verdict yet. When it passes the rollout goes on; when it fails, or cannot be measured, users go back."
	},
	strategies.Undecided: func(f Facts) string {
		return "The measurements say neither yes nor no, and kexal does not guess: a person passes it with a promote, or aborts."
	},
	strategies.PausedByIntent: func(f Facts) string {
		if f.Status.Candidate == nil && f.waits() != "" {
			return fmt.Sprintf("rollout.yaml says `paused: true`, so %s is not started. Aborts, returns to stable and repairs still act.", f.waits())
		}
		return "rollout.yaml says `paused: true`: no step, no count and no switch moves, and every clock stands still. Aborts, returns to stable and repairs still act."
	},
	strategies.Promoting: func(f Facts) string {
		return fmt.Sprintf("The last gate is passed. %s has to have all of its pods ready; then all users follow, and it is stable when the EndpointSlices show that they are there.", f.tried())
	},
	strategies.Watching: func(f Facts) string {
		return fmt.Sprintf("%s is promoted and serves everybody. The old pods stay warm for a while, so that the way back is short: should the new ones crash or lose their readiness while they are watched, users go back by themselves.", f.stable())
	},
	strategies.Queued: func(f Facts) string {
		if f.waits() == "" {
			return fmt.Sprintf("%s serves everybody. The agent started while the mirror was down: what takes the place of the revision that went is begun when it can be read.", f.stable())
		}
		return fmt.Sprintf("%s was promoted a moment ago and is still watched. %s needs the slot of the old pods, which are the way back: it is started when the watch is over.", f.stable(), f.waits())
	},
	strategies.GoingBack: func(f Facts) string {
		return fmt.Sprintf("Users go back to %s: its pods first where they are missing, then the Services, then %s of drain, then the pods of %s go. It needs neither Git nor the candidate, and is never turned round.", f.stable(), 5*time.Second, f.tried())
	},
	strategies.Stable: func(f Facts) string {
		return "What Git asks for is what runs. Nothing is waited for."
	},
	strategies.Aborted: func(f Facts) string {
		return fmt.Sprintf("A person rejected the revision that Git still asks for. %s serves, untouched. To take the abort away does not start it again.", f.stable())
	},
	strategies.Rejected: func(f Facts) string {
		return fmt.Sprintf("The revision that Git still asks for rejected itself. %s serves. It is not tried again by itself.", f.stable())
	},
	strategies.Failed: func(f Facts) string {
		return "A first release has nothing to go back to, so it stays as it is. It becomes stable should its pods become available; a newer revision goes to the other slot."
	},
	strategies.Blocked: func(f Facts) string {
		return "The API server refuses a write, in the words above. It is tried again, at most once a minute; what runs goes on."
	},
	strategies.Held: func(f Facts) string {
		if len(f.Status.Problems) > 0 {
			return "kexal does not act on a commit with a mistake in it: what runs goes on, and nothing is started or raised until the mistake is mended."
		}
		return "kexal does not act until what the sentence names has changed. What runs goes on."
	},
}

// states has a sentence for what became of an intent.
var states = map[strategies.IntentState]string{
	strategies.Honoured: "is honoured: it names what Git asks for now, and is in force",
	strategies.Ignored:  "is ignored: an intent counts only for the revision that it names, so that yesterday's does nothing to today's push",
	strategies.Spent:    "is spent: what it names is finished. The line does nothing any more, and may stay or go",
	strategies.Refused:  "is refused: it cannot be done",
}

// why is every paragraph that holds.
func (f Facts) why() []Because {
	s := f.Status
	var all []Because
	add := func(about, format string, args ...any) {
		all = append(all, Because{about, fmt.Sprintf(format, args...)})
	}
	reason := "This version of kexal does not know the reason " + string(s.Reason) + ": a newer one wrote it."
	if words, known := reasons[s.Reason]; known {
		reason = words(f)
	}
	add(string(s.Reason), "%s", reason)
	if trouble := f.trouble(); trouble != "" {
		add(string(s.Reason), "Kubernetes says of its pods: %s.", trouble)
	}
	if s.NextAt != nil && f.Now.Sub(*s.NextAt) > time.Minute {
		add("overdue", "It was to move at %s and has not. Either this news is old, or the agent does not run.", clock(*s.NextAt, f.Now))
	}
	for _, p := range s.Problems {
		add("problem", "%s", p)
	}
	for _, r := range s.Rejected {
		attempt := ""
		if r.Attempt > 0 {
			attempt = fmt.Sprintf(", attempt %d", r.Attempt)
		}
		add("rejected", "%s is rejected since %s%s: %s. It stays out until Git asks for another revision, or a retry names it.", r.Revision, clock(r.At, f.Now), attempt, r.Reason)
	}
	for _, i := range s.Intents {
		words, known := states[i.State]
		if !known {
			words = "is " + string(i.State)
		}
		if i.Why != "" {
			words += " (" + i.Why + ")"
		}
		field := "`" + strings.TrimSpace(i.Field+" "+i.Revision) + "`"
		if i.Field == "paused" {
			field = "`paused: true`"
			words = strings.Replace(words, "it names what Git asks for now, and is in force", "it is in force", 1)
		}
		add("intent", "%s %s.", field, words)
	}
	return all
}

// tried and stable name the revisions, or what stands for them.
func (f Facts) tried() string {
	if r := revisionOf(f.Status.Candidate); r != "" {
		return r
	}
	return "the candidate"
}

func (f Facts) stable() string {
	if r := revisionOf(f.Status.Stable); r != "" {
		return r
	}
	return "stable"
}

// cutOff tells the gate that nobody wrote: an edit took the steps after it away (SPEC 3.6).
func (f Facts) cutOff() bool { return strings.Contains(f.Status.Message, "were cut off") }
