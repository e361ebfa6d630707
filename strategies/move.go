package strategies

import (
	"slices"
	"strings"
	"time"
)

// move brings the live weight to w percent, one effect at a time, each confirmed by the
// next observation: capacity before users, users before less capacity. It reports
// whether the weight is live. Without a router the counts of ready pods are the weight
// (SPEC 5.9): at 0 the Services select stable, in between both colours, at 100 the
// candidate.
func (d *decision) move(w int) (acts []Action, live bool) {
	c, s := d.next.Candidate, d.next.Stable
	moving := "moving to " + percent(w) + d.onePod(w)
	reason := MovingWeight
	if d.next.Step > len(d.steps()) {
		moving, reason = "promoting", Promoting
	}
	d.progressing(reason, moving)

	if acts, firm := d.ground(reason, moving); !firm {
		return acts, false
	}
	apart := d.selection(BothColors) == Something
	if apart && d.strayed() { // put back before anything else (SPEC 5.8)
		return []Action{Select{To: d.recorded(), Stamp: d.stamp()}}, false
	}
	if d.partial(apart) {
		return nil, false
	}
	if acts := d.all(func() []Action { return d.revives(s) }); acts != nil {
		return acts, false
	}
	if acts := d.pauses(); acts != nil {
		return acts, false
	}
	to, behind := d.leadsTo(w)
	if pin := Only(s.Color); d.selection(pin) != pin {
		d.next.SwitchedAt = time.Time{} // users are there: they have yet to leave (SPEC 5.11)
	}
	// SPEC 5.8: nobody may reach the candidate's first pod before its weight.
	if w > 0 && d.some(func() bool { wantC, _ := d.sizes(w); return d.slot(c).Desired == 0 && wantC > 0 }) {
		if len(d.obs.Strangers) > 0 {
			d.sayStrangers()
			return nil, false
		}
		// Where another workload has its share already, one that gets its first pod later joins it.
		none := d.every(func() bool { return d.slot(c).Desired == 0 })
		if pin := Only(s.Color); none && d.selection(pin) != pin {
			return []Action{Select{To: pin, Stamp: d.stamp()}}, false
		}
	}
	selects := d.selection(to)
	acts, joins := d.each(func() ([]Action, bool) { return d.grows(w, to, selects) })
	switch {
	case acts != nil:
	case selects != to && !behind && joins:
		acts = []Action{Select{To: to, Stamp: d.stamp()}}
	default:
		if acts, live = d.each(func() ([]Action, bool) { return d.shrinks(w, to, selects) }); live {
			return nil, true
		}
	}
	return d.orWait(acts, reason, moving), false
}

// sizes are the pods of a workload in both colours at a weight. What one of the revisions does not
// have is the other's alone.
func (d *decision) sizes(w int) (candidate, stable int32) {
	surge, _ := d.spec.budget(d.n)
	candidate, stable = split(d.n, w, surge > 0)
	s := d.slot(d.next.Stable)
	switch {
	case !d.has(d.next.Candidate):
		return 0, s.Desired
	case w == 100:
		// Stable keeps the size that maxSurge leaves it: the way back (SPEC 5.15). A
		// candidate that surge does not let grow at once shares with stable meanwhile.
		if stable = min(s.Desired, surge); d.n == 0 {
			stable = 0 // nobody is asked for: there is no way back to keep
		}
	case !d.has(d.next.Stable):
		stable = 0
	}
	return candidate, stable
}

// leadsTo is what Services are to select on the way to a weight: where one workload has to share,
// all do. behind = a switch that was begun waits for the EndpointSlices.
func (d *decision) leadsTo(w int) (to Selection, behind bool) {
	d.some(func() bool {
		its, waits := d.wouldLead(w)
		if to, behind = joined(to, its), behind || waits; its == Nothing {
			return false
		}
		return to == BothColors
	})
	switch {
	case to != Nothing:
	case w == 0:
		to = Only(d.next.Stable.Color)
	default:
		to = BothColors
	}
	return to, behind && to == Only(d.next.Candidate.Color)
}

// joined is what two selections come to together.
func joined(a, b Selection) Selection {
	switch {
	case a == Nothing || a == b:
		return b
	case b == Nothing:
		return a
	}
	return BothColors
}

// wouldLead is what a workload's Services would select if they were alone. Nothing = any will do.
func (d *decision) wouldLead(w int) (to Selection, behind bool) {
	c, s := d.next.Candidate, d.next.Stable
	if !d.has(c) || !d.has(s) && w < 100 {
		return Nothing, false
	}
	candidate, stable := d.slot(c), d.slot(s)
	wantC, wantS := d.sizes(w)
	to = BothColors
	switch {
	case w == 0:
		// A stable that is short of pods shares until it has them: capacity first.
		if stable.sure() >= d.least() || candidate.Ready == 0 || d.selection(Only(s.Color)) == Only(s.Color) {
			to = Only(s.Color)
		}
	case w == 100:
		// Both, until the EndpointSlices show all of it: that a pod is ready is known here before
		// those who make the slices know it. What was switched already is not taken back for that.
		shown := d.n == 0 || len(d.its(d.services())) == 0 || d.obs.Off.Ready || d.endpoints(c.Color) >= wantC
		begun := slices.ContainsFunc(d.services(), func(s Service) bool { return s.Selects == Only(c.Color) })
		if candidate.Desired >= wantC && (shown || begun) {
			to, behind = Only(c.Color), !shown
		}
	case d.n > 0 && wantC == 0: // one pod and no surge: nothing, or all (SPEC 5.9)
		to = Only(s.Color)
	case d.n > 0 && wantS == 0 && candidate.Desired >= wantC:
		to = Only(c.Color)
	}
	return to, behind
}

// bounds are the pods of a workload in both colours that there may be at most, and that users are to
// find at least.
func (d *decision) bounds() (ceiling, floor int32) {
	surge, unavailable := d.spec.budget(d.n)
	ceiling, floor = d.n+surge, d.n
	if surge == 0 {
		floor = d.n - unavailable
	}
	return ceiling, floor
}

// grows brings a workload up to what a weight needs. joins = its Services may be moved.
func (d *decision) grows(w int, to, selects Selection) (acts []Action, joins bool) {
	c, s := d.next.Candidate, d.next.Stable
	candidate, stable := d.slot(c), d.slot(s)
	wantC, wantS := d.sizes(w)
	ceiling, _ := d.bounds()
	room := func(other int32) int32 { return ceiling - other }
	if to == Only(c.Color) && candidate.Desired == wantC && stable.Desired <= d.n {
		d.resized() // whether its pods are ready or not: a count that others write counts from here on
	}
	switch {
	case wantC == 0 && stable.Desired < wantS && room(candidate.Desired) <= 0 && stable.Ready == 0:
		// All users leave the candidate and stable has nobody to take them: as on the way
		// back, capacity comes before maxSurge.
		acts = []Action{Scale{d.workload, s.Color, wantS, d.stamp()}}
	case stable.Desired < wantS && min(wantS, room(candidate.Desired)) > stable.Desired:
		acts = []Action{Scale{d.workload, s.Color, min(wantS, room(candidate.Desired)), d.stamp()}}
	case candidate.Desired < wantC && !candidate.Lags && min(wantC, room(stable.Desired)) > candidate.Desired:
		acts = []Action{Scale{d.workload, c.Color, min(wantC, room(stable.Desired)), d.stamp()}}
	}
	return acts, d.mayjoin(to, selects) || to == BothColors && w > 0 && wantC == 0 // it has no share to join with
}

// shrinks takes a workload down to what a weight leaves it, and tells whether the weight is live.
func (d *decision) shrinks(w int, to, selects Selection) (acts []Action, live bool) {
	c, s := d.next.Candidate, d.next.Stable
	candidate, stable := d.slot(c), d.slot(s)
	wantC, wantS := d.sizes(w)
	_, floor := d.bounds()
	var serving struct{ candidate, stable int32 } // ready pods that users reach
	if selects == BothColors || selects == Only(c.Color) {
		serving.candidate = d.reached(c.Color, candidate)
	}
	if selects == BothColors || selects == Only(s.Color) {
		serving.stable = d.reached(s.Color, stable)
	}
	// Where users come to it, the EndpointSlices have all of it too: they follow the pods within
	// moments, and until then stable would give up its pods one by one.
	enough := d.enoughOf(candidate.Desired)
	grown := candidate.sure() >= enough && (selects == Only(s.Color) || serving.candidate >= enough)
	switch {
	case d.resizing() && to == Only(s.Color) && stable.Desired > wantS:
		acts = []Action{Scale{d.workload, s.Color, wantS, d.stamp()}}
	case candidate.Desired > wantC && max(wantC, floor-serving.stable) < candidate.Desired && d.mayshrink(to):
		acts = []Action{Scale{d.workload, c.Color, max(wantC, floor-serving.stable), d.stamp()}}
	case grown && stable.Desired > wantS && max(wantS, floor-serving.candidate) < stable.Desired && (to == BothColors || d.n == 0):
		// Users reach the candidate's pods: stable gives up what they replaced.
		acts = []Action{Scale{d.workload, s.Color, max(wantS, floor-serving.candidate), d.stamp()}}
	case d.isLive(to, wantC, wantS):
		if to != Only(c.Color) { // else it was said above
			d.resized()
		}
		return nil, true
	}
	return acts, false
}

// orWait makes what is to be done for a weight, or waits for pods until the deadline.
func (d *decision) orWait(acts []Action, reason Reason, moving string) []Action {
	for _, slot := range slices.Concat(d.slotsOf(Blue), d.slotsOf(Green)) {
		d.lookAt(slot.NextAt)
	}
	if acts != nil {
		return acts
	}
	d.deadline(reason, moving)
	if d.next.Back != nil {
		return nil // it passed
	}
	if acts := d.all(func() []Action { return d.wakes(d.next.Stable) }); acts != nil { // of a weight that falls
		return acts
	}
	return d.all(func() []Action { return d.wakes(d.next.Candidate) })
}

// onePod says plainly what a weight comes to where there is one pod (SPEC 5.9).
func (d *decision) onePod(w int) string {
	if d.n != 1 || w <= 0 || w >= 100 {
		return ""
	}
	if d.spec.Surge(1) == 0 {
		return " (with one pod and no surge: nothing)"
	}
	return " (with one pod: half)"
}

// ground is what every rollout stands on: the candidate's own slot, stable's Deployment, and
// the Services that were recorded. firm = all are there, and nothing is to be done for them.
func (d *decision) ground(reason Reason, doing string) (acts []Action, firm bool) {
	c, s := d.next.Candidate, d.next.Stable
	if acts, settled := d.each(func() ([]Action, bool) { return d.occupy(c, Only(s.Color)) }); acts != nil || !settled {
		if !d.next.UnreadAt.IsZero() {
			d.progressing(reason, doing+" when the mirror can be read")
			return acts, false
		}
		d.deadline(reason, doing)
		return acts, false
	}
	if d.some(func() bool { stable := d.slot(s); return d.has(s) && (!stable.Exists || stable.Deleting) && d.n > 0 }) {
		d.stableIsGone()
		return nil, false
	}
	if d.some(func() bool { slot := d.slot(c); return slot.Foreign > 0 || slot.Edited && !slot.Started }) {
		d.turnForeign()
		return nil, false
	}
	acts = d.restores()
	return acts, acts == nil
}

// stableIsGone: nothing goes on without a way back.
func (d *decision) stableIsGone() {
	s := d.next.Stable
	d.say(Degraded, Held, "%s, the Deployment of stable %s is gone: %s", d.position(), s.Revision, s.again())
}

// again is what people do to have a colour made again whose Deployment is gone.
func (t Track) again() string { return "revert to commit " + t.Commit + " to have it made again" }

// footing is the ground of a rollout whose Services select one colour at a time: they select
// stable, and nothing that a hand did to either colour is left.
func (d *decision) footing(reason Reason, doing string) (acts []Action, firm bool) {
	if acts, firm := d.ground(reason, doing); !firm {
		return acts, false
	}
	s := d.next.Stable
	// A Service that a hand moved is put back before anything else (SPEC 5.8).
	if to := Only(s.Color); d.selection(to) != to && d.answered(s) {
		return []Action{Select{To: to, Stamp: d.stamp()}}, false
	}
	if acts := d.all(func() []Action { return d.revives(s) }); acts != nil {
		return acts, false
	}
	acts = d.pauses()
	return acts, acts == nil
}

// turnForeign: what is not from Git is never promoted. Unlike a template that was only
// written, pods that run cannot be put back.
func (d *decision) turnForeign() {
	d.turn("some of its pods run a template that is not from Git: a hand changed its Deployment")
}

// pauses puts `paused` back on both colours: unpaused by a hand, an edit would roll it; then
// the template (SPEC 5.4).
func (d *decision) pauses() []Action { return d.all(d.pausesOne) }

func (d *decision) pausesOne() []Action {
	for _, t := range []*Track{d.next.Candidate, d.next.Stable} {
		slot := d.slot(t)
		if slot.Started && slot.Desired > 0 && !slot.Paused && slot.Foreign == 0 {
			return []Action{Scale{d.workload, t.Color, slot.Desired, d.stamp()}}
		}
		if acts := d.templates(t); acts != nil {
			return acts
		}
	}
	return nil
}

// templates puts back what a hand wrote into a colour's template. Where it runs already,
// which takes a hand that unpaused it too, the Deployment's own controller takes it back
// pod by pod, and is paused again when it has.
func (d *decision) templates(t *Track) []Action {
	switch slot := d.slot(t); {
	case !slot.Exists || slot.Deleting || !slot.Started:
	case slot.Edited && slot.Paused:
		return []Action{Restore{d.workload, t.Color, d.stampOf(t)}}
	case slot.Edited:
		return []Action{Scale{d.workload, t.Color, slot.Desired, d.stampOf(t)}}
	case slot.Foreign > 0 && slot.Paused:
		return []Action{Revive{d.workload, t.Color, d.stampOf(t)}}
	}
	return nil
}

func (d *decision) sayStrangers() {
	d.say(Degraded, Held, "Service %s selects the candidate's pods and is not part of this rollout: narrow its selector", strings.Join(d.obs.Strangers, ", "))
}

// reached is how many of a slot's ready pods users reach: those in every Service's
// EndpointSlices.
func (d *decision) reached(c Color, slot Slot) int32 {
	if len(d.its(d.obs.Services)) == 0 || d.obs.Off.Ready {
		return slot.sure()
	}
	return min(slot.sure(), d.endpoints(c))
}

// least is how many ready pods users may be left with: what maxUnavailable allows, and
// never nobody.
func (d *decision) least() int32 {
	_, unavailable := d.spec.budget(d.n)
	return max(d.n-unavailable, min(d.n, 1))
}

// mayjoin: a colour is selected only when every pod that was asked of it is ready, or of
// the candidate as many as replicaProgressThreshold says.
func (d *decision) mayjoin(to, now Selection) bool {
	c, s := d.next.Candidate, d.next.Stable
	candidate, stable := d.slot(c), d.slot(s)
	joins := func(slot Slot, least int32) bool {
		if d.n == 0 { // it counts as ready only while nothing else answers (SPEC 5.2)
			return candidate.Pods+stable.Pods == 0
		}
		return slot.sure() > 0 && slot.sure() >= least
	}
	switch {
	case !d.has(c), !d.has(s) && to == Only(s.Color):
		return true // it has nobody to take over from, or nobody who would
	case !d.has(s):
		return joins(candidate, d.enoughOf(candidate.Desired))
	}
	switch to {
	case Only(s.Color):
		return stable.sure() >= stable.Desired && (stable.sure() > 0 || candidate.Ready == 0)
	case Only(c.Color):
		return joins(candidate, candidate.Desired)
	}
	return (now == Only(c.Color) || joins(candidate, d.enoughOf(candidate.Desired))) && (now == Only(s.Color) || joins(stable, stable.Desired))
}

// mayshrink: a candidate that users are leaving shrinks after the drain, one that keeps
// a share at once. With all of them it has what others gave it, but where Git asks for another size.
func (d *decision) mayshrink(to Selection) bool {
	switch {
	case to == BothColors || d.n == 0:
		return true
	case to == Only(d.next.Candidate.Color):
		return d.resizing()
	}
	return d.drained()
}

// drained tells that users left the candidate and the drain is over.
func (d *decision) drained() bool {
	return d.left(d.next.Candidate.Color, d.next.Stable.Color)
}

// isLive tells that the weight is what users get: counts, selectors and EndpointSlices
// agree.
func (d *decision) isLive(to Selection, wantC, wantS int32) bool {
	c, s := d.next.Candidate, d.next.Stable
	candidate, stable := d.slot(c), d.slot(s)
	least := d.enoughOf(wantC)
	if !d.has(c) {
		return true
	}
	if d.selection(to) != to || candidate.sure() < least || to == BothColors && wantC == 0 && d.n > 0 && d.next.Asked == 0 {
		return false
	}
	switch {
	case to == Only(s.Color):
		return candidate.Desired == 0 && d.inForce(s.Color)
	case to == Only(c.Color):
		return candidate.Desired >= wantC && d.inForce(c.Color)
	}
	if candidate.Desired != wantC || stable.Desired != wantS && candidate.sure() == wantC {
		return false // while some of the candidate's are missing, stable keeps pods for them
	}
	if len(d.its(d.obs.Services)) == 0 || d.obs.Off.Ready {
		return true
	}
	for _, svc := range d.its(d.services()) {
		// Kubernetes takes a pod that goes out of the slices at once; until it has,
		// users still reach it.
		// A weight that falls is what stable's pods make it; one that rises does not wait for theirs.
		if d.next.Asked < d.next.Live && svc.Endpoints[s.Color] < wantS {
			return false
		}
		if e := svc.Endpoints[c.Color]; e < least || e > wantC || svc.Endpoints[s.Color] > stable.Desired {
			return false
		}
	}
	return true
}

// occupy makes the track's slot its own (SPEC 5.3): a slot that holds something else is
// emptied, its Deployment deleted, and it is free when no pod of its colour is left.
// What the new pods need is there before them. settled = the Deployment is there and
// its ReplicaSet too. pin is what a Service that does not exist yet selects.
func (d *decision) occupy(t *Track, pin Selection) (acts []Action, settled bool) {
	slot := d.slot(t)
	stale := !d.has(t) || slot.Revision != t.Revision || slot.Aborted != "" && slot.Aborted != abortMark(*t)
	switch {
	case slot.Deleting:
		return nil, false
	case !slot.Exists && slot.Pods == 0 && !d.has(t):
		return nil, true
	case slot.Exists && stale && slot.Desired > 0:
		if d.next.Stable != nil && !d.left(t.Color, t.Color.Other()) {
			return d.leave(t.Color.Other()), false
		}
		stamp := d.stamp()
		if slot.Revision == t.Revision {
			stamp.Aborted = slot.Aborted // it goes with the Deployment: nothing else tells an attempt from the one before
		}
		return []Action{Scale{d.workload, t.Color, 0, stamp}}, false
	case slot.Exists && stale && slot.Pods > 0:
		return nil, false
	case slot.Exists && stale:
		return []Action{Delete{d.workload, t.Color}}, false
	case !slot.Exists && slot.Pods > 0:
		return nil, false
	case !slot.Exists && d.obs.Wanted == nil:
		return nil, false
	case d.obs.Missing && slot.Desired == 0:
		return []Action{Apply{Pin: pin, Previews: Only(t.Color), Stamp: d.stamp()}}, false
	case !slot.Exists:
		return []Action{Create{d.workload, t.Color, d.stamp()}}, false
	}
	return d.revives(t), slot.Started
}

// leave takes users off a slot before it is emptied, once somebody is ready to take them.
func (d *decision) leave(to Color) []Action {
	if d.selection(Only(to)) == Only(to) {
		return nil // written; the EndpointSlices follow
	}
	if d.in(to).Ready == 0 && d.in(to.Other()).Ready > 0 {
		return nil
	}
	return []Action{Select{To: Only(to), Stamp: d.stamp()}}
}

// progressing tells the move.
func (d *decision) progressing(reason Reason, moving string) {
	d.sayTrouble(Progressing, reason, d.position()+", "+moving)
}

// sayTrouble adds what Kubernetes names as the candidate's trouble. It stays in the
// sentence until the step ends: pods that crash look well for a moment each time.
func (d *decision) sayTrouble(phase Phase, reason Reason, sentence string) {
	trouble := d.trouble(d.next.Candidate)
	if trouble == "" && d.was.Phase == phase && d.was.Reason == reason && strings.HasPrefix(d.was.Message, sentence+": ") {
		d.say(phase, reason, "%s", d.was.Message)
		return
	}
	d.say(phase, reason, "%s%s", sentence, because(trouble))
}

// deadline rejects a candidate that makes no progress (SPEC 5.23). It returns false:
// the weight is not live.
func (d *decision) deadline(reason Reason, moving string) bool {
	c := d.next.Candidate
	since := later(d.next.ProgressAt, d.readyAt(c))
	// The pods that a weight which falls waits for are stable's.
	if d.next.Asked < d.next.Live || d.every(func() bool { return d.slot(c).Desired == 0 }) {
		since = later(since, d.readyAt(d.next.Stable))
	}
	end := since.Add(d.spec.ProgressDeadline)
	if d.obs.At.Before(end) {
		d.lookAt(end)
		return false
	}
	why := "no progress in " + d.spec.ProgressDeadline.String() + because(d.trouble(c))
	if d.spec.DeadlineAborts {
		d.turn(why)
	} else {
		d.say(Degraded, reason, "%s, %s: %s", d.position(), moving, why)
	}
	return false
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
