package strategies

import "time"

// With a router the Services select one colour each: those of the release stable, the
// previews the candidate, and the router says which share of the users comes in by which.
// Stable keeps its size, so that all of them can go back at once (SPEC 5.9, 5.17).

// carried tells that the Services select one colour at a time: a router or a switch moves
// the users, not the ratio of pods.
func (s Spec) carried() bool { return s.BlueGreen != nil || s.Canary.routed() }

// route brings the weight that the router has in force to w percent: capacity before
// users, users before less capacity, each confirmed by the next observation. It reports
// whether the weight is in force.
func (d *decision) route(w int) (acts []Action, live bool) {
	c := d.next.Candidate
	moving, reason := "moving to "+percent(w), MovingWeight
	if d.next.Step > len(d.steps()) {
		moving, reason = "promoting", Promoting
	}
	d.progressing(reason, moving)
	if some, _ := d.moved(); some { // the Services follow the router already
		return nil, true
	}
	d.next.Switching = false
	if acts, firm := d.footing(reason, moving); !firm {
		return acts, false
	}
	if d.obs.Router == nil {
		d.say(Degraded, Held, "%s, its router is not there", d.position())
		return nil, false
	}
	router := *d.obs.Router
	if len(d.obs.Strangers) > 0 && d.some(func() bool { wantC, _ := d.routedSizes(w); return d.slot(c).Desired == 0 && wantC > 0 }) {
		d.sayStrangers()
		return nil, false
	}
	if to := Only(c.Color); !d.previewed(to) {
		if (router.Written > 0 || router.Weight > 0) && d.some(func() bool { return d.has(c) && d.slot(c).Ready == 0 }) {
			// A hand sent users to the previews: there nobody would answer them any more.
			d.deadline(reason, moving)
			return d.reroutes(true), false
		}
		return []Action{Preview{To: to, Stamp: d.stamp()}}, false
	}
	settled := router.Weight == w && router.Written == w
	if !settled {
		d.next.RoutedAt = time.Time{}
	}
	acts, ready := d.each(func() ([]Action, bool) { return d.raises(w) })
	switch {
	case acts != nil:
	case router.Written != w && ready:
		acts = []Action{Route{w, d.stamp()}}
	case settled:
		if acts, live = d.each(func() ([]Action, bool) { return d.lowers(w) }); live {
			return nil, true
		}
	}
	return d.orWait(acts, reason, moving), false
}

// raises brings a workload's pods up to what a weight needs, and tells whether users may be sent to
// them by it.
func (d *decision) raises(w int) (acts []Action, ready bool) {
	c, s := d.next.Candidate, d.next.Stable
	candidate, stable := d.slot(c), d.slot(s)
	wantC, wantS := d.routedSizes(w)
	if stable.Desired == wantS && !d.spec.Canary.DynamicStableScale {
		d.resized() // an autoscaler's count counts from here on
	}
	switch {
	case d.n == 0 && candidate.Desired > 0:
		acts = []Action{Scale{d.workload, c.Color, 0, d.stamp()}}
	case d.n == 0 && stable.Desired > 0:
		acts = []Action{Scale{d.workload, s.Color, 0, d.stamp()}}
	case d.has(s) && (stable.Desired < wantS || d.resizing() && !d.spec.Canary.DynamicStableScale && stable.Desired != wantS):
		acts = []Action{Scale{d.workload, s.Color, wantS, d.stamp()}}
	case candidate.Desired < wantC && !candidate.Lags:
		acts = []Action{Scale{d.workload, c.Color, wantC, d.stamp()}}
	}
	return acts, d.mayRoute(w, wantC)
}

// lowers takes a workload's pods down to what the weight in force needs, and tells whether all is as
// it asks for.
func (d *decision) lowers(w int) (acts []Action, over bool) {
	c, s := d.next.Candidate, d.next.Stable
	candidate, stable := d.slot(c), d.slot(s)
	wantC, wantS := d.routedSizes(w)
	switch {
	case w == 0 && candidate.Desired > wantC:
		if d.drained() {
			acts = []Action{Scale{d.workload, c.Color, wantC, d.stamp()}}
		}
	case candidate.Desired > wantC:
		acts = []Action{Scale{d.workload, c.Color, wantC, d.stamp()}}
	case d.has(s) && stable.Desired > wantS && candidate.sure() >= wantC && d.relieved():
		// Their users left by the weight: stable gives up what the candidate took over.
		acts = []Action{Scale{d.workload, s.Color, wantS, d.stamp()}}
	case candidate.Desired == wantC && candidate.sure() >= d.enoughOf(wantC) && (!d.has(s) || stable.Desired == wantS):
		d.resized()
		return nil, true
	}
	return acts, false
}

// routedSizes are the pods of both colours at a weight. (Source: Argo Rollouts, canary with
// a traffic router: candidate = ceil(weight × size), stable the whole size, or with
// dynamicStableScale ceil((100 − weight) × size); each that has any at least
// minPodsPerReplicaSet.) Stable never goes to nothing while the router names it.
func (d *decision) routedSizes(w int) (candidate, stable int32) {
	full := d.n
	if !d.spec.Canary.DynamicStableScale {
		full = d.fullSize()
	}
	switch {
	case full == 0:
		return 0, 0 // no pods asked for stay none (SPEC 5.2)
	case !d.has(d.next.Candidate):
		return 0, full
	}
	share := func(w int) int32 { return int32((int64(full)*int64(w) + 99) / 100) }
	candidate, stable = share(w), full
	if scale := d.canaryScale(); scale != nil && d.next.Step <= len(d.steps()) {
		switch {
		case scale.Replicas != nil:
			candidate = *scale.Replicas
		case scale.Weight != nil:
			candidate = share(*scale.Weight)
		}
		if w > 0 {
			candidate = max(candidate, 1) // users are sent to somebody
		}
	}
	if d.spec.Canary.DynamicStableScale {
		stable = max(share(100-w), min(full, 1))
	}
	least := min(max(d.spec.Canary.MinPods, 1), full)
	if candidate > 0 {
		candidate = max(candidate, least)
	}
	return candidate, max(stable, least)
}

// canaryScale is the last setCanaryScale that was come to; nil = the weight gives the size.
func (d *decision) canaryScale() *CanaryScale {
	for i := min(d.next.Step, len(d.steps())); i > 0; i-- {
		if scale := d.steps()[i-1].SetCanaryScale; scale != nil {
			if scale.Match {
				return nil
			}
			return scale
		}
	}
	return nil
}

// mayRoute tells that the pods are there which users are to be sent to: the candidate's,
// in the EndpointSlices too, and as many of stable's as the rest of them needs.
func (d *decision) mayRoute(w int, wantC int32) bool {
	candidate, stable := d.slot(d.next.Candidate), d.slot(d.next.Stable)
	if !d.has(d.next.Candidate) {
		return true
	}
	if d.n == 0 {
		return candidate.Pods+stable.Pods == 0
	}
	written := d.obs.Router.Written
	if w > written {
		need := d.enoughOf(wantC)
		return candidate.sure() > 0 && candidate.sure() >= need && d.proven(d.next.Candidate.Color, need) &&
			(!d.has(d.next.Stable) || int64(stable.sure()) >= int64(100-w)*int64(d.n)/100)
	}
	return !d.has(d.next.Stable) || stable.sure() > 0 && int64(stable.sure()) >= int64(100-w)*int64(d.least())/100
}

// relieved tells that users had the time to leave stable for the weight that is in force.
func (d *decision) relieved() bool {
	if d.next.RoutedAt.IsZero() {
		d.next.RoutedAt = d.obs.At
	}
	end := d.next.RoutedAt.Add(drain)
	d.lookAhead(end)
	return !d.obs.At.Before(end)
}

// enoughOf is how many of n pods are ready when a step is done (replicaProgressThreshold).
func (d *decision) enoughOf(n int32) int32 {
	t := d.spec.Canary.Threshold
	if t.Value == 0 || d.next.Step > len(d.steps()) {
		return n // a promotion waits for all
	}
	return min(n, max(t.of(n, true), min(n, 1)))
}

// carryOver ends a promotion by router. All users come in by it to the candidate; the
// Services follow, and lead there too; then the router is as it was before.
func (d *decision) carryOver() (acts []Action, over bool) {
	c := d.next.Candidate
	to := Only(c.Color)
	some, _ := d.moved()
	if some && d.deserts() {
		return nil, false
	}
	if d.partial(d.next.Switching && !d.placed(to, false)) {
		return nil, false
	}
	switch {
	case len(d.services()) == 0:
		return nil, true // nothing follows the router; it is put back at rest
	case !d.placed(to, false):
		full := d.fullSize
		if some { // a new size, or an autoscaler's, waits until it is over
			full = d.switchedSize
		}
		if d.some(func() bool { return d.has(c) && d.slot(c).sure() < full() }) {
			d.deadline(Promoting, "promoting")
			return nil, false
		}
		d.next.Switching, d.next.Live = true, 100
		return []Action{Select{To: to, Stamp: d.stamp()}}, false
	case d.obs.Router != nil && d.obs.Router.Written != 0:
		if !d.served(c.Color) {
			d.deadline(Promoting, "promoting")
			return nil, false
		}
		return []Action{Route{0, d.stamp()}}, false
	case d.obs.Router != nil && d.obs.Router.Weight != 0, !d.inForce(c.Color):
		d.deadline(Promoting, "promoting")
		return nil, false
	}
	return nil, true
}

// served tells from the EndpointSlices that every Service leads to the colour alone.
func (d *decision) served(c Color) bool {
	for _, s := range d.services() {
		if d.behind(s, d.expected) > 0 && s.Endpoints[c] == 0 && d.knows(c, s) || s.Endpoints[c.Other()] > 0 {
			return false
		}
	}
	return true
}

// routedWeight is the share that users get from the candidate.
func (d *decision) routedWeight() int {
	switch {
	case d.next.Switching:
		return 100
	case d.obs.Router == nil:
		return d.next.Live
	}
	return d.obs.Router.Weight
}

// reroutes takes users back to stable by the router: all of them when it can take them, and
// of a stable that gave up pods as many as it has pods for (SPEC 5.17). Lowering needs no
// record.
func (d *decision) reroutes(enough bool) []Action {
	r := d.obs.Router
	if r == nil || r.Written == 0 {
		return nil
	}
	to := 0
	if !enough {
		d.some(func() bool {
			if d.n > 0 && d.has(d.next.Stable) {
				to = max(to, 100-int(int64(d.slot(d.next.Stable).sure())*100/int64(d.n)))
			}
			return false
		})
	}
	if to >= r.Written {
		return nil
	}
	return []Action{Route{to, d.stamp()}}
}

// strands tells that the router sends users to a candidate of which no pod is ready, while
// stable has some. Without a router dead pods drop out by themselves; here the weight is
// lowered, which needs no record, and rises again when there is somebody to take it.
func (d *decision) strands() bool {
	r, c, s := d.obs.Router, d.next.Candidate, d.next.Stable
	if r == nil || c == nil || s == nil || r.Written == 0 || d.spec.BlueGreen != nil || !d.spec.Canary.routed() {
		return false
	}
	stranded := func() bool {
		slot := d.slot(c)
		return d.has(c) && d.has(s) && slot.Ready+slot.Foreign == 0 && d.n > 0 && d.slot(s).sure() > 0
	}
	return d.some(stranded) && d.selection(Only(s.Color)) == Only(s.Color)
}

// unstrand takes users off it. What the rollout says of itself stays.
func (d *decision) unstrand() []Action {
	d.next.Live, d.next.RoutedAt = 0, time.Time{}
	return []Action{Route{0, d.stamp()}}
}

// unrouted puts a router back that leads users to the candidate though nobody recorded it,
// or at rest at all: a hand did that.
func (d *decision) unrouted() []Action {
	r, most := d.obs.Router, 0
	if r == nil {
		return nil
	}
	if d.next.Candidate != nil && d.next.Back == nil && d.spec.BlueGreen == nil && d.spec.Canary.routed() {
		most = d.next.Asked
	}
	if r.Written > most && (d.next.Candidate == nil || d.slot(d.next.Stable).sure() > 0) {
		return []Action{Route{most, d.stamp()}}
	}
	return nil
}
