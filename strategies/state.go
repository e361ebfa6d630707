package strategies

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// SchemaVersion is the version of [State]; a newer one in the cluster freezes the
// rollout, it is never reset.
const SchemaVersion = 2

// State is what the last decision left: the authority that a restart resumes from. It
// holds all that an abort needs, so that an abort needs neither Git nor a render.
type State struct {
	Schema int   `json:"schema"`
	Epoch  int64 `json:"epoch"`  // raised by the first record after a take-over (SPEC 6.3)
	Digest int   `json:"digest"` // version of the revision's algorithm (SPEC 2.1)

	// What is told, and since when.
	Phase      Phase          `json:"phase"`
	Reason     Reason         `json:"reason"`
	Message    string         `json:"message"`
	Since      time.Time      `json:"since"`
	NextAt     *time.Time     `json:"nextAt,omitempty"`
	Source     Source         `json:"source"`
	Seen       string         `json:"seen,omitempty"`     // digest of the release and rollout.yaml that Source was read from
	Told       *Told          `json:"told,omitempty"`     // what was told before a hold by an agent that could not read the mirror; nil = nothing else
	Mistakes   []Problem      `json:"mistakes,omitempty"` // in the commit that was read last: it is held, also by who cannot read it
	Intents    []IntentStatus `json:"intents,omitempty"`
	Conditions []Condition    `json:"conditions,omitempty"`

	Stable    *Track          `json:"stable,omitempty"`    // nil until the first release is available
	Candidate *Track          `json:"candidate,omitempty"` // nil outside a rollout
	Sizes     map[string]Size `json:"sizes,omitempty"`     // by workload
	Spec      *Spec           `json:"spec,omitempty"`      // the last spec that was acted on, for when the next cannot be read
	Rejected  []Rejection     `json:"rejected,omitempty"`
	Attempts  map[string]int  `json:"attempts,omitempty"` // attempts made with each revision; the last few
	Promoted  []string        `json:"promoted,omitempty"` // revisions that became stable, the last one first

	// The rollout in flight.
	Step       int       `json:"step,omitempty"`  // from 1; 0 = none begun; above the number of steps = promoting
	StepAt     time.Time `json:"stepAt,omitzero"` // when a pause began: the weight before it was live
	Asked      int       `json:"asked"`           // percent; people see Live
	Live       int       `json:"live"`            // percent, as last observed
	Cap        *Cap      `json:"cap,omitempty"`
	Returns    bool      `json:"returns,omitempty"`  // the candidate served before, within rollbackWindow: no steps, no gates
	Word       string    `json:"word,omitempty"`     // what promote said when a run turned out inconclusive; only another one passes it
	Reruns     int       `json:"reruns,omitempty"`   // how often the analysis beside the steps was begun again, after it was inconclusive
	PreviewAt  time.Time `json:"previewAt,omitzero"` // blue/green: when the preview was ready; its analysis counts from here
	ProgressAt time.Time `json:"progressAt,omitzero"`
	// When the EndpointSlices first showed that no user is sent to the candidate any
	// more; the drain counts from here. Zero = they are, or not known yet.
	SwitchedAt time.Time `json:"switchedAt,omitzero"`
	RoutedAt   time.Time `json:"routedAt,omitzero"`   // since when the router's weight that is asked for is in force; zero = it is not, or nothing waits for that
	Switching  bool      `json:"switching,omitempty"` // the candidate stood at full size, and the Services may be moved to it; of a first release: its gate is passed
	OverlapAt  time.Time `json:"overlapAt,omitzero"`  // since when Services that switch with overlap select both colours (SPEC 5.10)
	PartialAt  time.Time `json:"partialAt,omitzero"`  // since when only some Services are switched; zero = all or none are
	Back       *Back     `json:"back,omitempty"`
	Warm       *Warm     `json:"warm,omitempty"`
	Spare      *Spare    `json:"spare,omitempty"`
	PausedAt   time.Time `json:"pausedAt,omitzero"` // since when `paused: true` stops the clocks
	UnreadAt   time.Time `json:"unreadAt,omitzero"` // since when the candidate waits for a mirror that was not read since the agent started; zero = it does not

	// By how much the moments that durations count by were moved in all, because the machine's
	// clock jumped. It is in one record with them, so that who reads the one has the other.
	Moved time.Duration `json:"moved,omitempty"`

	Fencing bool `json:"fencing,omitempty"` // taken over; the epoch is not on every object yet
}

// A Size is how many pods Git asked for last.
type Size struct {
	Pods     int32 `json:"pods"`
	Resizing bool  `json:"resizing,omitempty"` // they are still to be made, or half made
}

// A Told is what people read once.
type Told struct {
	Phase   Phase  `json:"phase"`
	Reason  Reason `json:"reason"`
	Message string `json:"message"`
}

// A Track is a colour in a role: what runs in it, and what its Services select by.
type Track struct {
	Revision  string                       `json:"revision"`
	Color     Color                        `json:"color"`
	Commit    string                       `json:"commit"`
	Images    []string                     `json:"images"`
	Attempt   int                          `json:"attempt,omitempty"`
	Workloads map[string]Workload          `json:"workloads"` // by the Deployment's name in Git
	Selectors map[string]map[string]string `json:"selectors"` // by Service: its selector in Git, without colour

	// What Git says of each Service besides its selector: it goes with the users, there
	// and back (SPEC 5.18).
	Services map[string]json.RawMessage `json:"services,omitempty"`
	// The selectors of its previews, as in Selectors.
	Previews map[string]map[string]string `json:"previews,omitempty"`
}

// Behind is the workload whose pods a Service leads to; empty = none of the track's.
func (t *Track) Behind(service string) string {
	for _, name := range slices.Sorted(maps.Keys(t.Workloads)) {
		if t.Workloads[name].Selects(t.Selector(service)) {
			return name
		}
	}
	return ""
}

// A Workload is a Deployment of a track.
type Workload struct {
	Ports  map[string]int32  `json:"ports,omitempty"`  // of its containers, by name
	Labels map[string]string `json:"labels,omitempty"` // of its pods in Git, without colour
}

// Selects tells that a selector matches the workload's pods. An empty one matches nobody's.
func (w Workload) Selects(selector map[string]string) bool {
	for k, v := range selector {
		if w.Labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}

// Selector is the one that a Service of the rollout, or a preview, has in Git.
func (t *Track) Selector(service string) map[string]string {
	if selector, found := t.Selectors[service]; found {
		return selector
	}
	return t.Previews[service]
}

// A Cap bounds the weight of the step that an edit in mid-rollout went back to.
type Cap struct {
	Step   int `json:"step"`
	Weight int `json:"weight"`
}

// A Cause is why users go back to stable.
type Cause string

const (
	ByPerson   Cause = "aborted"     // an abort intent: the revision is rejected
	ByItself   Cause = "rejected"    // the deadline, or the warm watch: rejected
	ByNewer    Cause = "superseded"  // a newer revision takes the place: nothing is rejected
	ByRollback Cause = "rolled back" // Git wants stable again: nothing is rejected
)

// rejects tells the causes that reject the revision.
func (c Cause) rejects() bool { return c == ByPerson || c == ByItself }

// Back is a return to stable in progress (SPEC 5.17).
type Back struct {
	Cause Cause     `json:"cause"`
	Why   string    `json:"why"`
	At    time.Time `json:"at"`

	Swaps map[string]*Swap `json:"swaps,omitempty"` // by workload, where quota refuses stable's growth
}

// A Swap is how far the candidate gave way to stable, pod for pod (SPEC 5.17).
type Swap struct {
	Gave    bool      `json:"gave,omitempty"`   // the candidate gave up a pod, and stable was not woken since
	WokenAt time.Time `json:"wokenAt,omitzero"` // when it was; zero = never
	Had     int32     `json:"had,omitempty"`    // the pods of it that were ready then
}

// Warm is the time after a promotion in which the old colour can be brought back
// (SPEC 5.15, 5.16).
type Warm struct {
	Old        Track               `json:"old"`
	Watched    map[string]*Watched `json:"watched"` // by workload
	Since      time.Time           `json:"since"`   // of the promotion; what crashed after it is told by the kubelets' clocks, so it never moves
	Drained    time.Time           `json:"drained"` // no user is on the way to the old colour any more
	WatchUntil time.Time           `json:"watchUntil"`
	Until      time.Time           `json:"until"`
	Judged     bool                `json:"judged,omitempty"` // postPromotionAnalysis passed, or a person passed it
}

// A Watched is a workload that was promoted.
type Watched struct {
	Size        int32     `json:"size"`                 // pods that users were sent to
	Least       int32     `json:"least"`                // how many were there since its size was last changed: those that came later may be on their way
	RaisedAt    time.Time `json:"raisedAt,omitzero"`    // since when there are to be more than Least; zero = there are not
	UnwellSince time.Time `json:"unwellSince,omitzero"` // fewer than half ready since then; zero = well
	Wide        bool      `json:"wide,omitempty"`       // the old colour kept more pods than the size that was made since
}

// A Spare is the colour of an aborted candidate that keeps its pods for a while, without
// users, so that people can look at what went wrong.
type Spare struct {
	Color Color      `json:"color"`
	Until *time.Time `json:"until,omitempty"` // nil = until the next revision needs the slot
}

// inFlight: the epoch of a take-over must be on its objects before anything moves.
func (s State) inFlight() bool { return s.Candidate != nil || s.Back != nil || s.Warm != nil }

func (s State) rejected(revision string) *Rejection {
	for i := range s.Rejected {
		if s.Rejected[i].Revision == revision {
			return &s.Rejected[i]
		}
	}
	return nil
}

// clone copies what Decide changes in place.
func (s State) clone() State {
	s.Rejected = slices.Clone(s.Rejected)
	s.Attempts = maps.Clone(s.Attempts)
	s.Intents = nil
	s.Conditions = slices.Clone(s.Conditions)
	s.Sizes = maps.Clone(s.Sizes)
	if s.Back != nil {
		b := *s.Back
		b.Swaps = copies(b.Swaps)
		s.Back = &b
	}
	if s.Warm != nil {
		w := *s.Warm
		w.Watched = copies(w.Watched)
		s.Warm = &w
	}
	return s // a Spare is never changed in place
}

func copies[T any](from map[string]*T) map[string]*T {
	all := maps.Clone(from)
	for name, one := range all {
		copied := *one
		all[name] = &copied
	}
	return all
}

// Status is the state as people read it.
func (s State) Status(name, namespace string, problems []Problem) Status {
	if len(problems) == 0 {
		problems = s.Mistakes
	}
	st := Status{
		APIVersion: APIVersion, Kind: "RolloutStatus",
		Metadata: StatusMetadata{Name: name, Namespace: namespace},
		Source:   s.Source, Strategy: "canary",
		Phase: s.Phase, Reason: s.Reason, Message: s.Message, Since: s.Since, NextAt: s.NextAt,
		Weight: s.Live,
		Stable: s.Stable.status(), Candidate: s.Candidate.status(),
		Rejected: s.Rejected, Intents: s.Intents, Problems: problems,
	}
	if st.Rejected == nil {
		st.Rejected = []Rejection{}
	}
	if st.Intents == nil {
		st.Intents = []IntentStatus{}
	}
	if st.Problems == nil {
		st.Problems = []Problem{}
	}
	if s.Warm != nil {
		st.Warm = s.Warm.Old.status()
	}
	if s.Spec != nil {
		st.Strategy = s.Spec.Strategy()
		if n := len(s.Spec.steps()); s.Candidate != nil && s.Stable != nil && s.Step > 0 && n > 0 {
			st.Step = &Position{Index: min(s.Step, n), Of: n}
		}
	}
	if st.Conditions = s.Conditions; st.Conditions == nil {
		st.Conditions = conditions(s, nil, s.Since)
	}
	return st
}

func (t *Track) status() *TrackStatus {
	if t == nil {
		return nil
	}
	return &TrackStatus{Revision: t.Revision, Color: t.Color, Commit: t.Commit, Images: t.Images, Attempt: t.Attempt}
}

// conditions are the state in Kubernetes' form. The time of each is when its status
// changed, not its words.
func conditions(s State, was []Condition, now time.Time) []Condition {
	at := func(kind string, holds bool) Condition {
		c := Condition{Type: kind, Status: "False", Reason: s.Reason, Message: s.Message, LastTransitionTime: now}
		if holds {
			c.Status = "True"
		}
		for _, old := range was {
			if old.Type == kind && old.Status == c.Status {
				c.LastTransitionTime = old.LastTransitionTime
			}
		}
		return c
	}
	return []Condition{
		at("Ready", s.Phase == Healthy),
		at("Progressing", s.Phase == Progressing || s.Phase == Paused),
	}
}
