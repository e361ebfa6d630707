package strategies

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Rollout is a rollout.yaml, decoded.
type Rollout struct {
	Name      string // metadata.name; empty = the directory's name (SPEC 1.2)
	Namespace string // metadata.namespace; empty = the agent's
	Spec      Spec
	Needs     []Need // what of it not everyone can do who decides
	Warnings  []Warning
}

// A Need is a field that asks for more than Services and counts: somebody has to measure,
// or to drive a router.
type Need struct {
	For Means
	Mistake
}

// Means are what a rollout may need besides Services and counts.
type Means string

const (
	Routers      Means = "router"
	Measurements Means = "measurements" // for analyses and experiments
)

// Refuse is what to tell the author where those means are not there; nil when nothing needs
// them.
func (r Rollout) Refuse(missing ...Means) error {
	var unmet Mistakes
	for _, n := range r.Needs {
		if slices.Contains(missing, n.For) {
			unmet = append(unmet, &n.Mistake)
		}
	}
	if len(unmet) == 0 {
		return nil
	}
	return unmet
}

// Spec is what to release, how, and what people want right now.
type Spec struct {
	Material  Material `json:",omitzero"` // source: what the release is rendered from
	Workloads []string // Deployments to colour; nil = those of the release
	Services  []string // Services to switch; nil = those that select the workloads' pods

	Canary    Canary
	BlueGreen *BlueGreen // nil = a canary, or a rolling update
	Rolling   bool       `json:",omitempty"` // strategy.rollingUpdate: Canary holds its budget and its generated steps
	Previews  bool       // preview.services: a Service NAME-preview beside each that is switched; default true for blue/green

	// preview.ingresses.hostPrefix: an Ingress NAME-preview beside each that leads to a Service with a
	// preview, with this before its hosts; empty = none are made.
	PreviewHost string `json:",omitempty"`
	// preview.nodePort: auto: the preview of a Service with node ports has some too, which Kubernetes
	// chooses; else it is reached inside the cluster alone.
	PreviewNodePort bool `json:",omitempty"`

	ProgressDeadline time.Duration // since the last sign of progress; default 600 s (SPEC 5.23)
	DeadlineAborts   bool          // progressDeadlineAbort; default true: passing the deadline rejects
	WarmWatch        time.Duration // how long a promotion is watched; default 30 s, at most the scale-down delay (SPEC 5.16)
	FirstGated       bool          `json:",omitempty"` // firstRelease: gated: the first release waits for promote, reached by its previews only (SPEC 2.4)
	RollbackWindow   int           `json:",omitempty"` // rollbackWindow.revisions: back to one of the last so many promoted revisions goes without steps (SPEC 2.6); 0 = none
	Windows          []Window      `json:",omitempty"` // when the weight may rise (SPEC 3.5); nil = always
	SwitchOverlap    time.Duration // switchOverlapSeconds: how long a Service that cannot be switched at once selects both colours; default 30 s (SPEC 5.10)

	Intents Intents
}

// Strategy is the name of the block that the spec has.
func (s Spec) Strategy() string {
	switch {
	case s.BlueGreen != nil:
		return "blueGreen"
	case s.Rolling:
		return "rollingUpdate"
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

// budget is how many pods may be above and below n: blue/green, and a canary by router,
// have all of them twice.
func (s Spec) budget(n int32) (surge, unavailable int32) {
	switch {
	case s.BlueGreen != nil:
		return n, s.BlueGreen.MaxUnavailable.of(n, false)
	case s.Canary.routed(): // the candidate comes on top of a stable that keeps its size
		_, unavailable = s.Canary.budget(n)
		return n, unavailable
	}
	return s.Canary.budget(n)
}

// keepsStable tells that stable keeps its size while a candidate is tried.
func (s Spec) keepsStable() bool {
	return s.BlueGreen != nil || s.Canary.routed() && !s.Canary.DynamicStableScale
}

// abortDelay is how long an aborted candidate that no user reaches keeps its pods.
func (s Spec) abortDelay() time.Duration {
	if s.BlueGreen != nil {
		return s.BlueGreen.AbortDelay
	}
	return s.Canary.AbortDelay
}

// Canary is strategy.canary, with Argo Rollouts' names and meanings.
type Canary struct {
	Steps          []Step
	MaxSurge       Amount        // pods above the desired count; default 25 %, rounded up
	MaxUnavailable Amount        // pods that may be missing; default 25 %, rounded down
	ScaleDownDelay time.Duration // how long the old colour stays warm after a promotion; default 30 s (SPEC 5.15)

	Threshold Amount    `json:",omitzero"`  // replicaProgressThreshold: ready pods of the candidate with which a step is done; zero = all of them
	Analysis  *Analysis `json:",omitempty"` // runs beside the steps; nil = none

	// With a router, which carries the weight (SPEC 5.9).
	Routers            []string      `json:",omitempty"` // trafficRouting's entries by name; nil = the weight is the ratio of pods
	AbortDelay         time.Duration `json:",omitempty"` // abortScaleDownDelaySeconds: how long an aborted candidate keeps its pods; default 30 s; 0 = until the slot is needed
	DynamicStableScale bool          `json:",omitempty"` // stable gives up the pods whose users left it; else it keeps its size
	MinPods            int32         `json:",omitempty"` // minPodsPerReplicaSet: the fewest pods of a colour that has any; at least 1
}

// routed tells that a router carries the weight.
func (c Canary) routed() bool { return len(c.Routers) > 0 }

// BlueGreen is strategy.blueGreen, with Argo Rollouts' names and meanings.
type BlueGreen struct {
	AutoPromotion   bool          // autoPromotionEnabled; default true: the gate needs no person
	PromoteAfter    time.Duration // autoPromotionSeconds, counted from when the preview is ready; 0 = at once; without AutoPromotion it means nothing
	PreviewReplicas int32         // previewReplicaCount, pods before the gate; 0 = as many as stable has
	MaxUnavailable  Amount        // pods of stable that may be missing when users go back to it; default 25 %, rounded down
	ScaleDownDelay  time.Duration // how long the old colour stays warm after a promotion; default 30 s (SPEC 5.15)
	AbortDelay      time.Duration // abortScaleDownDelaySeconds: how long an aborted candidate keeps its pods; default 30 s; 0 = until the slot is needed
	PrePromotion    *Analysis     `json:",omitempty"` // judges the preview before the gate; nil = none
	PostPromotion   *Analysis     `json:",omitempty"` // judges what users got; the old colour stays warm until it has; nil = none
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
	SetWeight      *int         `json:"setWeight,omitempty"` // percent, 0 to 100
	Pause          *Pause       `json:"pause,omitempty"`
	SetCanaryScale *CanaryScale `json:"setCanaryScale,omitempty"`
	Analysis       *Analysis    `json:"analysis,omitempty"`
	Experiment     *Experiment  `json:"experiment,omitempty"`
}

// CanaryScale sets the candidate's size apart from its weight, until the next one does:
// exactly one of its fields is set. It needs a router.
type CanaryScale struct {
	Replicas *int32 `json:"replicas,omitempty"`           // pods
	Weight   *int   `json:"weight,omitempty"`             // percent of the size that Git asks for, 0 to 100
	Match    bool   `json:"matchTrafficWeight,omitempty"` // the weight gives the size again
}

// Analysis says what judges a revision. What it measures, and with what, is not decided
// here: a decision knows only how it stands (see [Run]).
type Analysis struct {
	Templates    []string        `json:"templates"`              // names of analysis templates
	Settings     json.RawMessage `json:"settings,omitempty"`     // args, dryRun and the like, as written
	StartingStep int             `json:"startingStep,omitempty"` // of one beside the steps: the first step it runs at, counted from 1; 0 = the first
}

// Experiment starts pods of its own for a while, and is judged. As with [Analysis], a
// decision knows only how it stands.
type Experiment struct {
	Templates []string        `json:"templates"`          // names of its templates
	Settings  json.RawMessage `json:"settings,omitempty"` // all of it, as written
}

// A Window is a time in which the weight may rise, or may not (SPEC 3.5).
type Window struct {
	Schedule string        // cron, five fields: when it begins
	Duration time.Duration // how long it stays; above 0
	TimeZone string        // of the schedule, such as Europe/Madrid; empty = UTC
	Freeze   bool          // kind: freeze: nothing rises in it; else nothing rises outside
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
	case s.Pause != nil:
		return "pause until promoted"
	case s.SetCanaryScale != nil:
		return "setCanaryScale " + s.SetCanaryScale.String()
	case s.Analysis != nil:
		return "analysis " + s.Analysis.String()
	case s.Experiment != nil:
		return "experiment " + strings.Join(s.Experiment.Templates, ", ")
	}
	return "nothing"
}

func (c CanaryScale) String() string {
	switch {
	case c.Replicas != nil:
		return fmt.Sprintf("%d pods", *c.Replicas)
	case c.Weight != nil:
		return percent(*c.Weight)
	}
	return "by weight"
}

func (a Analysis) String() string { return strings.Join(a.Templates, ", ") }

func (s Step) equal(o Step) bool {
	return same(s.SetWeight, o.SetWeight) &&
		alike(s.Pause, o.Pause, func(a, b *Pause) bool { return same(a.Seconds, b.Seconds) }) &&
		alike(s.SetCanaryScale, o.SetCanaryScale, func(a, b *CanaryScale) bool {
			return a.Match == b.Match && same(a.Replicas, b.Replicas) && same(a.Weight, b.Weight)
		}) &&
		alike(s.Analysis, o.Analysis, func(a, b *Analysis) bool {
			return a.StartingStep == b.StartingStep && slices.Equal(a.Templates, b.Templates) && bytes.Equal(a.Settings, b.Settings)
		}) &&
		alike(s.Experiment, o.Experiment, func(a, b *Experiment) bool {
			return slices.Equal(a.Templates, b.Templates) && bytes.Equal(a.Settings, b.Settings)
		})
}

// same tells that both are not there, or both are and are equal.
func same[T comparable](a, b *T) bool {
	return alike(a, b, func(a, b *T) bool { return *a == *b })
}

func alike[T any](a, b *T, equal func(a, b *T) bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return equal(a, b)
}

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
	Retry   *Retry `json:",omitempty"`
}

// Retry starts a rejected revision once more (SPEC 4.6).
type Retry struct {
	Revision string // as written
	Attempt  int    // the one that it asks for; above 1
}

// Promote opens gates of one revision (SPEC 4.3).
type Promote struct {
	Revision string // as written
	Step     int    // gates at steps up to this one; 0 = every gate that waits for a person
	Full     bool   // skip all steps and analyses that are left
	AnyTime  bool   `json:",omitempty"` // ignoreWindows
}
