package strategies

import (
	"fmt"
	"testing"
	"time"
)

// standing is a canary of three Services that stands at the fifth of ten steps, with
// everything about it observed.
func standing() (Spec, State, Observation) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	spec := Spec{ProgressDeadline: 600 * time.Second, DeadlineAborts: true, WarmWatch: 30 * time.Second}
	spec.Canary = Canary{MaxSurge: Amount{25, true}, MaxUnavailable: Amount{25, true}, ScaleDownDelay: 30 * time.Second}
	for w := 10; w <= 50; w += 10 {
		spec.Canary.Steps = append(spec.Canary.Steps, Step{SetWeight: &w}, Step{Pause: &Pause{}})
	}
	selectors, services := map[string]map[string]string{}, []Service{}
	for i := range 3 {
		name := fmt.Sprintf("web-%d", i)
		selectors[name] = map[string]string{"app": name}
		services = append(services, Service{Name: name, Selects: BothColors, Endpoints: map[Color]int32{Blue: 7, Green: 3}, Epoch: 1})
	}
	track := func(revision string, c Color) *Track {
		return &Track{Revision: revision, Color: c, Attempt: 1, Images: []string{"web:" + revision}, Selectors: selectors, Workloads: map[string]Workload{"web": {Labels: map[string]string{"app": "web"}}}}
	}
	slot := func(t *Track, n int32) Slot {
		return Slot{Exists: true, Started: true, Paused: true, Revision: t.Revision, Desired: n, Pods: n, Ready: n, ReadyAt: at, Epoch: 1}
	}
	stable, candidate := track("aaaaaaaaaa", Blue), track("bbbbbbbbbb", Green)
	was := State{
		Schema: SchemaVersion, Epoch: 1, Stable: stable, Candidate: candidate, Sizes: map[string]Size{"web": {Pods: 10}}, Spec: &spec,
		Attempts: map[string]int{"bbbbbbbbbb": 1}, Step: 6, StepAt: at, Asked: 30, Live: 30, ProgressAt: at, Since: at,
	}
	obs := Observation{
		At: at.Add(time.Minute), Wanted: &Wanted{Track: *candidate, Sizes: map[string]int32{"web": 10}},
		Workloads: map[string]Slots{"web": {Blue: slot(stable, 7), Green: slot(candidate, 3)}}, Services: services,
	}
	was = Decide(spec, was, obs).Next // what an agent that stands here has recorded
	return spec, was, obs
}

// Most decisions find nothing to do: this is what each event of a watch costs.
func BenchmarkDecide(b *testing.B) {
	spec, was, obs := standing()
	b.ReportAllocs()
	for b.Loop() {
		Decide(spec, was, obs)
	}
}

// Allocations are exact, whatever machine counts them.
func TestDecideAllocates(t *testing.T) {
	spec, was, obs := standing()
	if plan := Decide(spec, was, obs); len(plan.Actions) > 0 || plan.Next.Reason != WaitingForPromote {
		t.Fatalf("it does not stand at its gate: %v %v %s", plan.Actions, plan.Next.Reason, plan.Next.Message)
	}
	if n := testing.AllocsPerRun(100, func() { Decide(spec, was, obs) }); n > 50 {
		t.Errorf("a decision makes %.0f allocations, at most 50 are allowed", n)
	}
}
