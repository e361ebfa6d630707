package strategies

import "time"

// APIVersion is the version of rollout.yaml and of the status documents that this code reads and writes.
const APIVersion = "kexal.dev/v1alpha1"

// A Phase is the one word for where a rollout is.
type Phase string

const (
	Progressing Phase = "Progressing" // moving, or waiting for Kubernetes
	Paused      Phase = "Paused"      // waiting for a person or a time
	Healthy     Phase = "Healthy"     // what Git asks for is what runs
	Degraded    Phase = "Degraded"    // Git asks for something that does not run, and kexal will not go on by itself (SPEC 7.2)
)

// A Reason says why a rollout is in its phase, in one word of this closed list.
type Reason string

const (
	FirstRelease      Reason = "FirstRelease"      // the first revision is being started; no steps
	StartingPreview   Reason = "StartingPreview"   // blue/green: the candidate's pods start, nobody but its previews reaches them
	MovingWeight      Reason = "MovingWeight"      // pods start, counts and Services follow
	WaitingForTime    Reason = "WaitingForTime"    // a timed pause
	WaitingForPromote Reason = "WaitingForPromote" // an open pause, or blue/green's gate
	WaitingForWindow  Reason = "WaitingForWindow"  // the weight may rise only in a window (SPEC 3.5)
	Analyzing         Reason = "Analyzing"         // an analysis or an experiment is under way
	Undecided         Reason = "Inconclusive"      // an analysis could not tell: a person has to
	PausedByIntent    Reason = "PausedByIntent"    // `paused: true`
	Promoting         Reason = "Promoting"         // past the last step, on the way to all users
	Watching          Reason = "Watching"          // promoted; the old colour is warm and the new one is watched (SPEC 5.16)
	Queued            Reason = "Queued"            // a newer revision waits for the end of the watch
	GoingBack         Reason = "GoingBack"         // an abort, a return or a newer revision: users go back to stable
	Stable            Reason = "Stable"            // nothing to do
	Aborted           Reason = "Aborted"           // a person rejected the revision
	Rejected          Reason = "Rejected"          // the revision rejected itself: deadline, crash after promotion
	Failed            Reason = "Failed"            // a first release that does not become available
	Blocked           Reason = "Blocked"           // the API server refuses a write (SPEC 6.6)
	Held              Reason = "Held"              // kexal will not act until something named changes (SPEC 6.9); see problems
)

// Status is what people read: the ledger's status.yaml, status.json in the state
// ConfigMap, and `kexal get NAME -o json` (SPEC 7.1). It holds transitions only: no
// poll times, counts or countdowns, so the same facts give the same bytes.
type Status struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   StatusMetadata `json:"metadata"`
	Source     Source         `json:"source"`
	Strategy   string         `json:"strategy,omitempty"`
	Phase      Phase          `json:"phase"`
	Reason     Reason         `json:"reason"`
	Message    string         `json:"message"`
	Since      time.Time      `json:"since"`
	NextAt     *time.Time     `json:"nextAt"`         // a moment at which it will move by itself; nil = none
	Step       *Position      `json:"step,omitempty"` // absent outside a rollout
	Weight     int            `json:"weight"`         // percent of users on the candidate, live as observed
	Stable     *TrackStatus   `json:"stable,omitempty"`
	Candidate  *TrackStatus   `json:"candidate,omitempty"`
	Warm       *TrackStatus   `json:"warm,omitempty"` // the colour that served before, while users may be brought back to it
	Rejected   []Rejection    `json:"rejected"`
	Intents    []IntentStatus `json:"intents"`
	Problems   []Problem      `json:"problems"`
	Conditions []Condition    `json:"conditions"`
}

// StatusMetadata names the rollout.
type StatusMetadata struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Source is the last commit that changed what this rollout renders, or its rollout.yaml.
type Source struct {
	Branch  string `json:"branch"`
	Path    string `json:"path"` // directory in the repository; "." is its root
	Commit  string `json:"commit"`
	Subject string `json:"subject"`
	Author  string `json:"author"`
}

// Position is a step, counted from 1, and how many there are.
type Position struct {
	Index int `json:"index"`
	Of    int `json:"of"`
}

// TrackStatus is a colour in its role, as people see it.
type TrackStatus struct {
	Revision string   `json:"revision"`
	Color    Color    `json:"color"`
	Commit   string   `json:"commit"`
	Images   []string `json:"images"`
	Attempt  int      `json:"attempt,omitempty"` // the first is 1; 0 = it came with the first release
}

// IntentStatus says what became of a field of rollout.yaml that commands (SPEC 4.8).
type IntentStatus struct {
	Field    string      `json:"field"` // promote, abort, paused
	Revision string      `json:"revision,omitempty"`
	State    IntentState `json:"state"`
	Why      string      `json:"why,omitempty"`
}

// IntentState is one of honoured, ignored, spent, refused.
type IntentState string

const (
	Honoured IntentState = "honoured" // it is in force
	Ignored  IntentState = "ignored"  // it names a revision that is not the wanted one
	Spent    IntentState = "spent"    // its revision is finished
	Refused  IntentState = "refused"  // it cannot be done; Why says the reason
)

// Problem is a mistake in the repository, or a refusal, with the place to mend.
type Problem struct {
	Path    string `json:"path,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// Condition is a Kubernetes-style condition.
type Condition struct {
	Type               string    `json:"type"`   // Ready, Progressing
	Status             string    `json:"status"` // True, False
	Reason             Reason    `json:"reason"`
	Message            string    `json:"message"`
	LastTransitionTime time.Time `json:"lastTransitionTime"`
}

// Rejection is a revision that may not become the candidate again until the wanted
// revision changes (SPEC 2.7).
type Rejection struct {
	Revision string    `json:"revision"`
	Attempt  int       `json:"attempt"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
}

// Color is one of the two slots a workload can live in. Prose says colour.
type Color string

const (
	Blue  Color = "blue"
	Green Color = "green"
)

// Other is the other slot.
func (c Color) Other() Color {
	if c == Blue {
		return Green
	}
	return Blue
}
