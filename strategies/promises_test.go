package strategies_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// A change is one effect of a plan, with the world before and after it.
type change struct {
	action        strategies.Action
	plan          strategies.Plan
	before, after *simulated.World
	record        strategies.State // as stored when it was made
	agent         int64            // the epoch that this agent recorded
	workload      string
	n             int32 // the size of it that Git asks for
}

// keeps sees that an effect breaks no promise.
func (p *story) keeps(e simulated.Effect) {
	names := map[string]bool{}
	for name := range e.Before.Slots {
		names[name] = true
	}
	for name := range e.After.Slots {
		names[name] = true
	}
	for _, workload := range slices.Sorted(maps.Keys(names)) {
		if its := workloadOf(e.Action); its != "" && its != workload {
			continue
		}
		c := change{action: e.Action, plan: e.Plan, before: e.Before, after: e.After, record: e.Record, agent: e.Epoch, workload: workload, n: e.Plan.Next.Sizes[workload].Pods}
		if e.Observed.Wanted != nil {
			c.n = e.Observed.Wanted.Sizes[workload]
		}
		for _, promise := range promises {
			if why := promise.broken(c); why != "" {
				p.play.Stop(fmt.Errorf("%s: %s: %s", promise.name, e.Action, why))
			}
		}
	}
}

// workloadOf is the one that an action is about; empty = all of them.
func workloadOf(a strategies.Action) string {
	switch a := a.(type) {
	case strategies.Create:
		return a.Workload
	case strategies.Scale:
		return a.Workload
	case strategies.Delete:
		return a.Workload
	}
	return ""
}

// its are the names of those of some Services that lead to the workload.
func (c change) its(services map[string]*simulated.Service) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(services)) {
		if s := services[name]; s.Workload == "" || s.Workload == c.workload {
			names = append(names, name)
		}
	}
	return names
}

// decide calls Decide, and sees that it keeps to what it promises: the same arguments
// give the same plan, and none of them is changed.
func (p *story) decide(spec strategies.Spec, was strategies.State, obs strategies.Observation) strategies.Plan {
	facts := func() string {
		text, _ := json.Marshal([]any{spec, was, obs})
		return string(text)
	}
	told := func(plan strategies.Plan) string {
		text, _ := json.Marshal([]any{plan.Next, plan.ActFirst, plan.Recheck})
		return string(text) + fmt.Sprint(plan.Actions)
	}
	obs.Off = p.off
	before := facts()
	plan := strategies.Decide(spec, was, obs)
	again := strategies.Decide(spec, was, obs)
	if facts() != before {
		p.play.Stop(errors.New("Decide changed its arguments"))
	}
	if told(plan) != told(again) {
		p.play.Stop(errors.New("Decide says two things of the same facts"))
	}
	return plan
}

// A promise holds for every effect of every story, whatever else goes wrong.
type promise struct {
	name   string
	broken func(c change) string // why; empty = it is kept
}

var promises = []promise{
	{"users are never sent to where nobody is ready while somebody is", sentToNobody},
	{"a Service never selects nothing", selectsNothing},
	{"no more pods are asked for than the size and its surge", tooMany},
	{"no effect takes users' capacity below what may be missing", tooFew},
	{"nothing shrinks before users have left it and the drain is over", undrained},
	{"the candidate's share rises only by a record of this epoch", unrecorded},
	{"the candidate gets no more pods than its weight", overweight},
	{"a switch leads to a candidate at full size", halfSwitched},
	{"Services select a blue/green or routed candidate only by a switch that this epoch recorded", unpromoted},
	{"the Services of a switch move in one action", apart},
	{"nothing of a stable that keeps its size shrinks while a candidate is tried", stableShrinks},
	{"a router's weight rises only by a record of this epoch", unroutedRise},
	{"a router sends nobody to where nobody is ready", routedToNobody},
	{"a preview leads to nobody else while a candidate has pods", previewElsewhere},
	{"an aborted candidate that keeps its pods gets no users", spareServes},
	{"a rejected revision is never switched to", rejectedServes},
	{"nothing that is selected or has pods is deleted", deletesUsed},
	{"a Deployment never changes its revision in place", inPlace},
	{"an effect is never made twice", twice},
	{"a rejected revision gets no pods", rejectedGrows},
}

func sum(n map[strategies.Color]int32) int32 { return n[strategies.Blue] + n[strategies.Green] }

// size is what the plan moves towards, and what may be above and missing.
func (c change) size() (n, surge, unavailable int32) {
	n = c.n
	if c.plan.Next.Switching {
		n = c.plan.Next.Sizes[c.workload].Pods // a new size waits until the switch is over
	}
	if c.plan.Next.Spec != nil {
		surge, unavailable = c.plan.Next.Spec.Budget(n)
	}
	return n, surge, unavailable
}

func sentToNobody(c change) string {
	if _, ok := c.action.(strategies.Select); !ok || c.n == 0 {
		return "" // where Git asks for no pods nobody answers in the end
	}
	if next := c.plan.Next; next.Stable == nil && next.Spec.FirstGated && !next.Switching {
		return "" // nobody is let in before a person says so
	}
	c.after = c.after.Through()
	for _, name := range c.its(c.after.Services) {
		if sum(c.after.Selected(c.after.Services[name])) > 0 || c.after.Services[name].Refuses {
			continue // the server keeps it where it is
		}
		for _, color := range []strategies.Color{strategies.Blue, strategies.Green} {
			if c.after.ReadyPods(c.workload, color) > 0 {
				return fmt.Sprintf("Service %s reaches nobody, %s has ready pods", name, color)
			}
		}
	}
	return ""
}

func selectsNothing(c change) string {
	for _, name := range c.its(c.after.Services) {
		s := c.after.Services[name]
		if s.Selects == strategies.Nothing || (s.Selects == strategies.OnlyBlue || s.Selects == strategies.OnlyGreen) && s.Revision == "" {
			return "Service " + name
		}
	}
	return ""
}

// tooMany: but for stable's first pods where all users leave the candidate and surge has
// no room for them (one pod, maxSurge 0): as on the way back, capacity comes first.
func tooMany(c change) string {
	a, ok := c.action.(strategies.Scale)
	if s := c.plan.Next.Stable; ok && s != nil && s.Color == a.Color && c.before.Slot(c.workload, a.Color).Ready == 0 {
		return ""
	}
	if !ok || c.plan.Next.Back != nil || c.plan.Next.Stable == nil || a.Count <= c.before.Slot(c.workload, a.Color).Desired {
		return ""
	}
	n, surge, _ := c.size()
	if c.plan.Next.Candidate == nil && a.Count <= n {
		return "" // what serves gets the size that Git asks for; what is beside it goes by itself
	}
	if c.plan.Next.Spec.Carried() {
		if a.Count <= n {
			return "" // its own size; what a warm colour has beside it shrinks by itself
		}
		n = max(n, c.before.Slot(c.workload, c.plan.Next.Stable.Color).Desired) // full size is what stable has live (SPEC 5.13)
		surge = n
		for _, step := range c.plan.Next.Spec.Canary.Steps {
			if scale := step.SetCanaryScale; scale != nil && scale.Replicas != nil {
				surge = max(surge, *scale.Replicas) // the author asks for so many
			}
		}
	}
	asked := a.Count
	if kept := c.plan.Next.Spare; kept == nil || kept.Color == a.Color { // what is kept to be looked at is beside it all
		asked += c.after.Slot(c.workload, a.Color.Other()).Desired
	}
	if asked > n+surge {
		return fmt.Sprintf("%d pods of %d and %d", asked, n, surge)
	}
	return ""
}

// tooFew counts who answers users when an effect is through. What is below already may
// not get worse.
func tooFew(c change) string {
	n, _, unavailable := c.size()
	if _, ok := c.action.(strategies.Revive); ok {
		return "" // its Deployment takes back what a hand made it roll, as it would any update
	}
	if a, ok := c.action.(strategies.Select); ok {
		next := c.plan.Next
		strays := next.Candidate == nil || next.Spec != nil && next.Spec.Carried() && next.Back == nil && next.Stable != nil && a.To == strategies.Only(next.Stable.Color)
		for _, name := range c.its(c.before.Services) {
			s := c.before.Services[name]
			strays = strays || s.Selects == strategies.Something
		}
		if strays {
			return "" // a selector that strayed is put back, whatever it reached (SPEC 5.8)
		}
	}
	starved := false
	if s := c.plan.Next.Stable; s != nil && c.plan.Next.Back != nil {
		starved = c.before.Slot(c.workload, s.Color).Starved
	}
	c.before, c.after = c.before.Through(), c.after.Through()
	if r, spec := c.before.Router, c.plan.Next.Spec; r != nil && spec != nil && spec.Canary.DynamicStableScale && c.plan.Next.Candidate != nil {
		n = n * int32(100-min(r.Weight, r.Written)) / 100 // the others come in by the router
	}
	for _, name := range c.its(c.before.Services) {
		before, after := c.before.Selected(c.before.Services[name]), c.after.Selected(c.after.Services[name])
		if starved && sum(before)-sum(after) <= 1 && sum(after) > 0 {
			continue // stable gets its pods only from the candidate's, pod for pod (SPEC 5.17)
		}
		if next := c.plan.Next; next.Back != nil && next.Spec.KeepsStable() && sum(after) > 0 && sum(after) >= before[next.Candidate.Color] {
			continue // stable kept its size: users go first, where they find as many as they leave (SPEC 5.17)
		}
		if sum(after) < min(n-unavailable, sum(before)) {
			return fmt.Sprintf("%d of %d answer behind Service %s, before it %d", sum(after), n, name, sum(before))
		}
	}
	return ""
}

func undrained(c change) string {
	a, ok := c.action.(strategies.Scale)
	if !ok || a.Count > 0 || c.before.ReadyPods(c.workload, a.Color) == 0 || c.plan.Next.Stable == nil {
		return ""
	}
	if n, _, unavailable := c.size(); n <= unavailable {
		return "" // all of them may be missing: one pod without a surge, or none at all
	}
	if c.plan.Next.Back != nil && c.before.Slot(c.workload, c.plan.Next.Stable.Color).Starved {
		return ""
	}
	if t := c.plan.Next.Candidate; t != nil && t.Color == a.Color {
		if routes, since := c.before.RoutedTo(); routes {
			return fmt.Sprintf("the router still sends users to %s", a.Color)
		} else if !since.IsZero() && c.before.Now.Sub(since) < 5*time.Second {
			return fmt.Sprintf("the router sent users to %s only %s ago", a.Color, c.before.Now.Sub(since))
		}
	}
	for _, name := range c.its(c.before.Services) {
		s := c.before.Services[name]
		if s.Selects == strategies.BothColors && s.Endpoints[a.Color.Other()] > 0 {
			continue // users of both colours: the others go on, these pods end as in any step
		}
		if s.Endpoints[a.Color] > 0 {
			return fmt.Sprintf("Service %s still sends users to %s", name, a.Color)
		}
		if left := s.Left[a.Color]; !left.IsZero() && c.before.Now.Sub(left) < 5*time.Second {
			return fmt.Sprintf("users left %s only %s ago", a.Color, c.before.Now.Sub(left))
		}
	}
	return ""
}

// raised compares the share of users that a colour is asked to take, before and after.
func (c change) raised(color strategies.Color) bool {
	for _, name := range c.its(c.before.Services) {
		was := c.before.Services[name]
		share := func(w *simulated.World, s *simulated.Service) (part, all int32) {
			if s.Selects != strategies.Only(color.Other()) {
				part = w.Slot(c.workload, color).Desired
			}
			if s.Selects != strategies.Only(color) {
				all = w.Slot(c.workload, color.Other()).Desired
			}
			return part, part + all
		}
		now := c.after.Services[name]
		if now == nil {
			continue
		}
		part, all := share(c.before, was)
		part2, all2 := share(c.after, now)
		if part2 > 0 && part2*max(all, 1) > part*all2 {
			return true
		}
	}
	return false
}

func unrecorded(c change) string {
	next := c.plan.Next
	if next.Candidate == nil || next.Stable == nil || !c.raised(next.Candidate.Color) {
		return ""
	}
	switch {
	case next.Back != nil:
		return "it rises on the way back to stable"
	case c.record.Epoch != c.agent || c.agent == 0:
		return fmt.Sprintf("the record is of epoch %d, the agent of %d", c.record.Epoch, c.agent)
	case c.record.Candidate == nil || c.record.Candidate.Revision != next.Candidate.Revision:
		return "the record does not know this candidate"
	}
	return ""
}

func overweight(c change) string {
	a, ok := c.action.(strategies.Scale)
	next := c.plan.Next
	if !ok || next.Candidate == nil || next.Stable == nil || a.Color != next.Candidate.Color || a.Count <= c.before.Slot(c.workload, a.Color).Desired {
		return ""
	}
	n, surge, _ := c.size()
	if b := next.Spec.BlueGreen; b != nil {
		most := max(n, c.before.Slot(c.workload, next.Stable.Color).Desired)
		if b.PreviewReplicas > 0 && c.record.Step <= 1 {
			most = min(most, b.PreviewReplicas)
		}
		if a.Count > most {
			return fmt.Sprintf("%d pods at step %d", a.Count, c.record.Step)
		}
		return ""
	}
	if next.Spec.Canary.Routed() {
		full := max(n, c.before.Slot(c.workload, next.Stable.Color).Desired)
		most := max((full*int32(c.record.Asked)+99)/100, min(full, next.Spec.Canary.MinPods))
		for _, step := range next.Spec.Canary.Steps {
			if step.SetCanaryScale != nil {
				return "" // its size is apart from its weight
			}
		}
		if a.Count > most {
			return fmt.Sprintf("%d pods for %d%% of %d", a.Count, c.record.Asked, full)
		}
		return ""
	}
	if most, _ := strategies.Split(n, c.record.Asked, surge > 0); a.Count > most {
		return fmt.Sprintf("%d pods for %d%% of %d", a.Count, c.record.Asked, n)
	}
	return ""
}

func halfSwitched(c change) string {
	a, ok := c.action.(strategies.Select)
	next := c.plan.Next
	if !ok || next.Candidate == nil || next.Stable == nil || next.Back != nil || !next.Spec.Carried() || a.To != strategies.Only(next.Candidate.Color) {
		return ""
	}
	if _, has := next.Candidate.Workloads[c.workload]; !has {
		return "" // it went from Git: nobody is switched to it
	}
	n, _, _ := c.size()
	if ready := c.before.Through().Slot(c.workload, next.Candidate.Color).Ready; ready < n {
		return fmt.Sprintf("%d of %d pods are ready", ready, n)
	}
	return ""
}

// tries is the candidate of a rollout that goes forward, and that users do not reach by the
// ratio of pods; nil = there is none.
func (c change) tries() *strategies.Track {
	next := c.plan.Next
	if next.Stable == nil || next.Back != nil || next.Spec == nil || !next.Spec.Carried() {
		return nil
	}
	return next.Candidate
}

func unpromoted(c change) string {
	tried := c.tries()
	if tried == nil || !c.raised(tried.Color) {
		return ""
	}
	if _, scales := c.action.(strategies.Scale); scales && len(c.before.Services) > 0 {
		return "" // pods that nobody was sent to by this effect
	}
	switch r := c.record; {
	case r.Candidate == nil || r.Candidate.Revision != tried.Revision || r.Epoch != c.agent:
		return "it is not of the record"
	case r.Step < 2 && c.plan.Next.Spec.BlueGreen != nil || !r.Switching && len(c.before.Services) > 0:
		return fmt.Sprintf("the record stands at step %d, switching %v", r.Step, r.Switching)
	}
	return ""
}

func apart(c change) string {
	a, ok := c.action.(strategies.Select)
	tried := c.tries()
	if !ok || tried == nil {
		return ""
	}
	for _, name := range c.its(c.after.Services) {
		s, to := c.after.Services[name], a.To
		if a.Overlap && s.Overlaps {
			to = strategies.BothColors
		}
		if s.Selects != to && !s.Refuses && tried.Selectors[name] != nil { // else it went from Git with its pods
			return fmt.Sprintf("Service %s selects %s", name, s.Selects)
		}
	}
	return ""
}

func stableShrinks(c change) string {
	a, ok := c.action.(strategies.Scale)
	if !ok || c.tries() == nil || !c.plan.Next.Spec.KeepsStable() || a.Color != c.plan.Next.Stable.Color || a.Count >= min(c.before.Slot(c.workload, a.Color).Desired, c.n) {
		return ""
	}
	return fmt.Sprintf("it had %d pods", c.before.Slot(c.workload, a.Color).Desired)
}

func previewElsewhere(c change) string {
	tried := c.tries()
	if tried == nil || c.record.Switching {
		return "" // a switch widens one (SPEC 5.10)
	}
	if a, ok := c.action.(strategies.Scale); !ok || a.Color != tried.Color || a.Count <= c.before.Slot(c.workload, a.Color).Desired {
		return ""
	}
	for _, name := range c.its(c.after.Previews) {
		p := c.after.Previews[name]
		if tried.Previews[name] != nil && (p.Selects != strategies.Only(tried.Color) || p.Revision != tried.Revision) {
			return fmt.Sprintf("%s selects %s", name, p.Selects)
		}
	}
	return ""
}

func spareServes(c change) string {
	if c.record.Spare == nil || c.plan.Next.Spare == nil || c.record.Candidate != nil {
		return ""
	}
	switch c.action.(type) {
	case strategies.Select, strategies.Apply:
	default:
		return ""
	}
	for _, name := range c.its(c.after.Services) {
		if s := c.after.Services[name]; s.Selects != strategies.Only(c.record.Spare.Color.Other()) && !s.Refuses && c.before.Services[name] != nil && c.before.Services[name].Selects != s.Selects {
			return fmt.Sprintf("Service %s selects %s", name, s.Selects)
		}
	}
	return ""
}

func rejectedServes(c change) string {
	a, ok := c.action.(strategies.Select)
	if !ok || a.To != strategies.OnlyBlue && a.To != strategies.OnlyGreen {
		return ""
	}
	if r := c.record.RejectionOf(simulated.RevisionIn(c.plan.Next, strategies.Color(a.To))); r != nil {
		return r.Revision + " is rejected: " + r.Reason
	}
	return ""
}

func deletesUsed(c change) string {
	a, ok := c.action.(strategies.Delete)
	if !ok {
		return ""
	}
	for _, name := range c.its(c.before.Services) {
		if c.before.Services[name].Selects == strategies.Only(a.Color) {
			return fmt.Sprintf("Service %s selects it", name)
		}
	}
	if s := c.before.Slot(c.workload, a.Color); s.Pods > 0 {
		return "it has pods"
	}
	return ""
}

func inPlace(c change) string {
	for color, was := range c.before.Slots[c.workload] {
		if now := c.after.Slots[c.workload][color]; was != nil && now != nil && now.Revision != was.Revision {
			return fmt.Sprintf("%s had %s and now has %s", color, was.Revision, now.Revision)
		}
	}
	return ""
}

func twice(c change) string {
	switch a := c.action.(type) {
	case strategies.Create:
		if c.before.Slots[a.Workload][a.Color] != nil {
			return "it is there"
		}
	case strategies.Delete:
		if c.before.Slots[a.Workload][a.Color] == nil {
			return "it is gone"
		}
	case strategies.Scale:
		d := c.before.Slots[a.Workload][a.Color]
		if d.Desired == a.Count && d.Paused {
			return "it has that size"
		}
	case strategies.Select:
		for _, s := range c.before.Services {
			if s.Selects != a.To || a.Overlap && s.Overlaps || a.To != strategies.BothColors && s.Revision != simulated.RevisionIn(c.plan.Next, strategies.Color(a.To)) {
				return ""
			}
		}
		return "all select it"
	}
	return ""
}

func rejectedGrows(c change) string {
	a, ok := c.action.(strategies.Scale)
	if !ok || a.Count <= c.before.Slot(c.workload, a.Color).Desired {
		return ""
	}
	if r := c.record.RejectionOf(c.before.Slots[a.Workload][a.Color].Revision); r != nil {
		return r.Revision + " is rejected: " + r.Reason
	}
	return ""
}

func unroutedRise(c change) string {
	a, ok := c.action.(strategies.Route)
	if !ok || a.Weight <= c.before.Router.Written {
		return ""
	}
	next := c.plan.Next
	switch {
	case next.Candidate == nil || next.Back != nil:
		return "nothing is tried"
	case c.record.Epoch != c.agent || c.agent == 0:
		return fmt.Sprintf("the record is of epoch %d, the agent of %d", c.record.Epoch, c.agent)
	case c.record.Candidate == nil || c.record.Candidate.Revision != next.Candidate.Revision:
		return "the record does not know this candidate"
	case c.record.Asked < a.Weight:
		return fmt.Sprintf("the record asks for %d%%", c.record.Asked)
	}
	return ""
}

func routedToNobody(c change) string {
	r := c.after.Router
	if r == nil || max(r.Written, r.Weight) == 0 || c.n == 0 {
		return ""
	}
	before, after := c.before.Through(), c.after.Through()
	for _, name := range slices.Sorted(maps.Keys(after.Previews)) {
		if a, raises := c.action.(strategies.Route); sum(after.Selected(after.Previews[name])) == 0 && (raises && a.Weight > c.before.Router.Written || sum(before.Selected(before.Previews[name])) > 0) {
			return fmt.Sprintf("%s leads to nobody at %d%%", name, max(r.Written, r.Weight))
		}
	}
	return ""
}
