package strategies

import (
	"fmt"
	"slices"
	"time"
)

// start makes the wanted revision the candidate of a rollout (SPEC 2.2).
func (d *decision) start() []Action {
	if d.obs.Wanted == nil { // it was superseded or rolled back, and by what cannot be read again yet
		d.say(Progressing, Queued, "%s is stable; what Git asks for is queued until the mirror can be read", d.next.Stable.Revision)
		return d.steady()
	}
	if d.orders.abort { // aborted before it began
		d.reject(d.wanted, 0, "aborted by a person")
		return d.rest()
	}
	d.spec = d.asked // from here on the strategy of another kind counts (SPEC 3.6)
	d.next.Spec = &d.spec
	d.next.Candidate = d.candidate(d.next.Stable.Color.Other())
	d.next.Step, d.next.StepAt = 1, time.Time{}
	d.next.Asked, d.next.Live, d.next.Cap = 0, 0, nil
	d.next.Switching, d.next.OverlapAt, d.next.PartialAt, d.next.Spare = false, time.Time{}, time.Time{}, nil
	d.next.PreviewAt, d.next.Reruns = time.Time{}, 0
	d.next.Returns = d.recent(d.wanted)
	d.next.ProgressAt = d.obs.At
	return d.advance()
}

// recent tells that a revision is one of the last that were promoted before stable: back
// to it there are no steps and no gates (SPEC 2.6).
func (d *decision) recent(revision string) bool {
	before := d.next.Promoted
	if len(before) > 0 && before[0] == d.next.Stable.Revision {
		before = before[1:]
	}
	return slices.Contains(before[:min(len(before), d.asked.RollbackWindow)], revision)
}

// skips tells that the steps which are left are not walked: a person says so, or the
// revision served before.
func (d *decision) skips() bool { return d.orders.full || d.next.Returns }

// advance moves a rollout in flight by its strategy.
func (d *decision) advance() []Action {
	if d.spec.BlueGreen != nil {
		return d.blueGreen()
	}
	return d.canary()
}

// canary walks the steps. A step that raises the weight is recorded before it is made:
// the loop stops at the first that is not over.
func (d *decision) canary() []Action {
	if some, _ := d.moved(); !some || !d.spec.Canary.routed() { // a new size waits until a switch is over
		d.heedSizes()
	}
	if acts, stands := d.background(); stands {
		return acts
	}
	if last := len(d.steps()); d.skips() && d.next.Step <= last {
		d.next.Step, d.next.StepAt = last+1, time.Time{}
		d.next.ProgressAt = d.obs.At // what it stood at does not count (SPEC 5.23)
	}
	for d.next.Step <= len(d.steps()) {
		acts, over := d.step(d.steps()[d.next.Step-1])
		if !over {
			return acts
		}
		d.next.Step, d.next.StepAt, d.next.Word = d.next.Step+1, time.Time{}, ""
		d.next.ProgressAt = d.obs.At // gates and analyses do not count (SPEC 5.23)
	}
	return d.promote()
}

// step makes one step, or waits at it. over = the next one may begin.
func (d *decision) step(step Step) (acts []Action, over bool) {
	if step.SetWeight != nil {
		return d.setWeight(d.capped(*step.SetWeight))
	}
	if d.spec.Canary.routed() {
		d.next.Live = d.routedWeight() // a hand, or pods that do not answer, change it at a gate
	}
	capped := d.next.Cap != nil && d.next.Cap.Step == d.next.Step
	if d.next.StepAt.IsZero() && (capped || d.next.Asked == 0) && d.falls() {
		d.sayTrouble(Progressing, MovingWeight, fmt.Sprintf("%s, moving to %d%%", d.position(), d.next.Asked))
		return d.keep(), false
	}
	switch {
	case step.SetCanaryScale != nil:
		return d.make(d.next.Asked)
	case step.Analysis != nil, step.Experiment != nil:
		return d.judged(RunOrder{Key: d.stepKey(), Analysis: step.Analysis, Experiment: step.Experiment})
	}
	if d.next.StepAt.IsZero() {
		if d.next.Asked > 0 { // somebody may have taken the candidate away at the gate before
			if acts, live := d.make(d.next.Asked); !live {
				return acts, false
			}
		}
		d.next.StepAt = d.obs.At // the weight is live: the pause starts now
	}
	if !d.gateOpen(*step.Pause) {
		return d.wait(*step.Pause), false
	}
	return nil, true
}

// setWeight moves to a weight. It rises only in a window (SPEC 3.5); what was begun in one
// is brought to its end.
func (d *decision) setWeight(w int) (acts []Action, over bool) {
	if w > d.next.Asked {
		if d.shut() {
			return d.waitForWindow(), false
		}
		d.next.ProgressAt = d.obs.At // it begins now, wherever it stood before (SPEC 5.23)
	}
	d.next.Asked = w
	if acts, over = d.make(w); over {
		if d.next.Live = d.observedWeight(); d.next.Live > 0 {
			d.next.SwitchedAt = time.Time{} // users are there: nothing was left
		}
	}
	return acts, over
}

// make brings the live weight to w percent, by the router where there is one.
func (d *decision) make(w int) (acts []Action, live bool) {
	if d.spec.Canary.routed() {
		acts, live = d.route(w)
	} else {
		acts, live = d.move(w)
	}
	return acts, live && d.next.Back == nil // else the deadline passed
}

func (d *decision) steps() []Step { return d.spec.steps() }

// edited keeps the place when the steps are edited in mid-rollout: the position becomes
// the first changed step when that lies before it, and the weight never rises by an
// edit (SPEC 3.6).
func (d *decision) edited() {
	if d.next.Returns {
		return // it walks no steps
	}
	old, now := d.was.Spec.steps(), d.steps()
	changed := 0
	for changed < len(old) && changed < len(now) && old[changed].equal(now[changed]) {
		changed++
	}
	if at := d.next.Step - 1; !d.next.StepAt.IsZero() && at < len(old) && old[at].Pause != nil && (at >= len(now) || !old[at].equal(now[at])) {
		d.next.ProgressAt = d.obs.At // the pause that it stood at does not count (SPEC 5.23)
		if at >= len(now) || now[at].Pause == nil {
			d.next.StepAt = time.Time{}
		}
	}
	// Behind the last step it is on the way to all users.
	moves := func(at int) bool { return at == len(old) || at < len(old) && old[at].SetWeight != nil }
	if at := d.next.Step - 1; at == changed && moves(at) && at < len(now) && now[at].SetWeight == nil {
		d.next.Cap = &Cap{Step: d.next.Step, Weight: d.was.Live}
		d.next.Asked = min(d.next.Asked, d.was.Live) // the weight that it was on the way to is no step any more
	}
	cut := changed == len(now) && len(now) < len(old)
	if changed == len(old) && changed == len(now) || changed+1 >= d.next.Step && !(cut && d.next.Step > len(now)) {
		return
	}
	d.next.Step = min(changed+1, max(len(now), 1))
	d.next.StepAt, d.next.ProgressAt = time.Time{}, d.obs.At
	d.next.Cap = &Cap{Step: d.next.Step, Weight: d.was.Live}
	d.next.Asked = min(d.next.Asked, d.was.Live) // what was under way is not gone on with
	if cut {
		d.next.Cap.Step = len(now) + 1 // cut off: the end of the list promotes nobody by itself
	}
}

// falls tells that the candidate has more than the weight that is asked for now: an edit left it
// so, or users are still on what was in its slot.
func (d *decision) falls() bool {
	if d.spec.Canary.routed() {
		return d.routedWeight() > d.next.Asked
	}
	return d.some(d.shareFalls)
}

// shareFalls is falls for the pods of a workload, where they are the weight.
func (d *decision) shareFalls() bool {
	c := d.next.Candidate
	surge, _ := d.spec.budget(d.n)
	want, left := split(d.n, d.next.Asked, surge > 0)
	switch {
	case left == 0 || !d.has(c):
		return false // all users stay with the candidate, whatever its count is
	case want == 0 && len(d.its(d.services())) > 0:
		return !d.deserted(c.Color)
	}
	return d.slot(c).Desired > want
}

// capped is the weight of the step it stands at, which an edit may lower but not raise.
func (d *decision) capped(w int) int {
	if c := d.next.Cap; c != nil && c.Step == d.next.Step {
		return min(w, c.Weight)
	}
	return w
}

// position is the beginning of every sentence of a rollout in flight.
func (d *decision) position() string {
	n := len(d.steps())
	if d.spec.BlueGreen != nil {
		return fmt.Sprintf("step 1 of 1, preview of %s%s", d.next.Candidate.Revision, d.wayIn())
	}
	if n == 0 {
		return fmt.Sprintf("%d%% to %s", d.next.Live, d.next.Candidate.Revision)
	}
	return fmt.Sprintf("step %d of %d, %d%% to %s", min(d.next.Step, n), n, d.next.Live, d.next.Candidate.Revision)
}

// observedWeight is the candidate's share of the ready endpoints, or of the pods where
// there is no Service.
func (d *decision) observedWeight() int {
	if d.spec.BlueGreen == nil && d.spec.Canary.routed() {
		return d.routedWeight()
	}
	return share(d.answering())
}

// answering are the ready endpoints of the candidate and of stable, or their ready pods where there
// is no Service: of the workload that has most pods, as the others' shares are rounded more.
func (d *decision) answering() (candidate, stable int32) {
	c, s := d.next.Candidate.Color, d.next.Stable.Color
	if services := d.its(d.services()); len(services) > 0 {
		return services[0].Endpoints[c], services[0].Endpoints[s]
	}
	return d.in(c).Ready, d.in(s).Ready
}

// keptWeight is the observed weight where a rollout stands. By ratio stable's share counts as what
// was asked of it: that its pods crash in turn is not told each time (SPEC 7.4).
func (d *decision) keptWeight() int {
	if d.spec.BlueGreen != nil || d.spec.Canary.routed() || d.selection(BothColors) != BothColors {
		return d.observedWeight()
	}
	candidate, stable := d.answering()
	return share(candidate, max(stable, d.slot(d.next.Stable).Desired))
}

// promote sends all users to the candidate, which becomes stable where it stands (SPEC
// 5.15): no pod is started twice.
func (d *decision) promote() []Action {
	if c := d.next.Cap; c != nil && c.Step > len(d.steps()) && !d.skips() && d.orders.gates >= 0 {
		return d.waitCutOff()
	}
	if d.next.Asked < 100 {
		if d.shut() {
			return d.waitForWindow()
		}
		d.next.ProgressAt = d.obs.At
	}
	d.next.Asked = 100
	acts, live := d.make(100)
	if live && d.spec.Canary.routed() {
		acts, live = d.carryOver()
	}
	if !live || d.next.Back != nil {
		return acts
	}
	return d.promoted()
}

// promoted: users are on the candidate, so the roles change.
func (d *decision) promoted() []Action {
	old, now := *d.next.Stable, *d.next.Candidate
	d.next.Stable, d.next.Candidate = &now, nil
	d.next.Step, d.next.StepAt, d.next.Asked, d.next.Live = 0, time.Time{}, 0, 0
	d.next.ProgressAt, d.next.SwitchedAt, d.next.RoutedAt, d.next.Word = time.Time{}, d.obs.At, time.Time{}, ""
	d.next.Switching, d.next.OverlapAt, d.next.PartialAt = false, time.Time{}, time.Time{}
	d.next.remember(old.Revision) // a first release was promoted by nobody, and served
	d.next.remember(now.Revision)
	d.next.Warm = warmed(d.spec, old, d.obs)
	return d.warm()
}

// remember notes the revision that serves from now on before all that served earlier.
func (s *State) remember(revision string) {
	s.Promoted = slices.Insert(without(s.Promoted, revision), 0, revision)
	s.Promoted = s.Promoted[:min(len(s.Promoted), remembered)]
}

func without(revisions []string, revision string) []string {
	return slices.DeleteFunc(slices.Clone(revisions), func(r string) bool { return r == revision })
}

// reject notes a revision that may not run until Git wants another (SPEC 2.7).
func (d *decision) reject(revision string, attempt int, why string) {
	d.next.Rejected = []Rejection{{Revision: revision, Attempt: attempt, Reason: why, At: d.obs.At}}
}
