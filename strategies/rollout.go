package strategies

import (
	"fmt"
	"time"
)

// A Rollout is a rollout.yaml, decoded.
type Rollout struct {
	Name      string // metadata.name; empty = the directory's name (SPEC 1.2)
	Namespace string // metadata.namespace; empty = the agent's
	Spec      Spec
}

// Spec is what to release, how, and what people want right now.
type Spec struct {
	Workloads []string // Deployments to colour; nil = those of the release
	Services  []string // Services to switch; nil = those that select the workloads' pods

	Canary    Canary
	BlueGreen *BlueGreen // nil = a canary
	Previews  bool       // preview.services: a Service NAME-preview beside each that is switched; default true for blue/green

	ProgressDeadline time.Duration // since the last sign of progress; default 600 s (SPEC 5.23)
	DeadlineAborts   bool          // progressDeadlineAbort; default true: passing the deadline rejects
	WarmWatch        time.Duration // how long a promotion is watched; default 30 s, at most the scale-down delay (SPEC 5.16)
	SwitchOverlap    time.Duration // switchOverlapSeconds: how long a Service that cannot be switched at once selects both colours; default 30 s (SPEC 5.10)

	Intents Intents
}

// Strategy is the name of the block that the spec has.
func (s Spec) Strategy() string {
	if s.BlueGreen != nil {
		return "blueGreen"
	}
	return "canary"
}

// steps are those of a canary; blue/green has one, its gate (SPEC 4.3).
func (s Spec) steps() []Step {
	if s.BlueGreen != nil {
		return []Step{{Pause: s.BlueGreen.gate()}}
	}
	return s.Canary.Steps
}

// scaleDownDelay is how long the old colour keeps its pods after a promotion.
func (s Spec) scaleDownDelay() time.Duration {
	if s.BlueGreen != nil {
		return s.BlueGreen.ScaleDownDelay
	}
	return s.Canary.ScaleDownDelay
}

// warmFor is how long an old colour keeps its pods: the drain at least (SPEC 5.11).
func (s Spec) warmFor() time.Duration { return max(s.scaleDownDelay(), drain) }

// Surge is how many pods may be asked for above n.
func (s Spec) Surge(n int32) int32 {
	surge, _ := s.budget(n)
	return surge
}

// budget is how many pods may be above and below n: blue/green has all of them twice.
func (s Spec) budget(n int32) (surge, unavailable int32) {
	if b := s.BlueGreen; b != nil {
		return n, b.MaxUnavailable.of(n, false)
	}
	return s.Canary.budget(n)
}

// Canary is strategy.canary, with Argo Rollouts' names and meanings.
type Canary struct {
	Steps          []Step
	MaxSurge       Amount        // pods above the desired count; default 25 %, rounded up
	MaxUnavailable Amount        // pods that may be missing; default 25 %, rounded down
	ScaleDownDelay time.Duration // how long the old colour stays warm after a promotion; default 30 s (SPEC 5.15)
}

// BlueGreen is strategy.blueGreen, with Argo Rollouts' names and meanings.
type BlueGreen struct {
	AutoPromotion   bool          // autoPromotionEnabled; default true: the gate needs no person
	PromoteAfter    time.Duration // autoPromotionSeconds, counted from when the preview is ready; 0 = at once; without AutoPromotion it means nothing
	PreviewReplicas int32         // previewReplicaCount, pods before the gate; 0 = as many as stable has
	MaxUnavailable  Amount        // pods of stable that may be missing when users go back to it; default 25 %, rounded down
	ScaleDownDelay  time.Duration // how long the old colour stays warm after a promotion; default 30 s (SPEC 5.15)
	AbortDelay      time.Duration // abortScaleDownDelaySeconds: how long an aborted candidate keeps its pods; default 30 s; 0 = until the slot is needed
	PreviewService  string        // a Service in Git that is pinned to the candidate; empty = one is made for each that is switched (SPEC 3.3)
}

// gate is where a blue/green rollout waits before its switch.
func (b *BlueGreen) gate() *Pause {
	if !b.AutoPromotion {
		return &Pause{}
	}
	seconds := int64(b.PromoteAfter / time.Second)
	return &Pause{Seconds: &seconds}
}

// A Step is one entry of strategy.canary.steps: exactly one of its fields is set.
type Step struct {
	SetWeight *int   `json:"setWeight,omitempty"` // percent, 0 to 100
	Pause     *Pause `json:"pause,omitempty"`
}

// Pause waits for its duration, or for a person when it has none.
type Pause struct {
	Seconds *int64 `json:"seconds,omitempty"` // nil = until promoted; never negative
}

// String is the step as the author wrote it, in short.
func (s Step) String() string {
	switch {
	case s.SetWeight != nil:
		return fmt.Sprintf("setWeight %d", *s.SetWeight)
	case s.Pause != nil && s.Pause.Seconds != nil:
		return fmt.Sprintf("pause %s", time.Duration(*s.Pause.Seconds)*time.Second)
	}
	return "pause until promoted"
}

func (s Step) equal(o Step) bool { return s.String() == o.String() }

// An Amount is a number of pods, or a percentage of the desired count.
type Amount struct {
	Value   int32
	Percent bool
}

// of resolves the amount for n pods; percentages are rounded up or down.
func (a Amount) of(n int32, up bool) int32 {
	if !a.Percent {
		return a.Value
	}
	v := int64(a.Value) * int64(n)
	if up {
		v += 99
	}
	return int32(v / 100)
}

// budget is how many pods may be above and below n, as Kubernetes rounds them: surge
// up, unavailable down; where both come to 0, one may be missing.
func (c Canary) budget(n int32) (surge, unavailable int32) {
	surge, unavailable = c.MaxSurge.of(n, true), c.MaxUnavailable.of(n, false)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, min(unavailable, n)
}

// Intents are the fields of rollout.yaml that command. They are never part of what
// makes the steps or the revision.
type Intents struct {
	Paused  bool
	Promote *Promote
	Abort   string // a revision as written; empty = none
}

// Promote opens gates of one revision (SPEC 4.3).
type Promote struct {
	Revision string // as written
	Step     int    // gates at steps up to this one; 0 = every gate that waits for a person
	Full     bool   // skip all steps that are left
}
