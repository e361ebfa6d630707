package strategies

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// drain is how long nothing shrinks after the EndpointSlices show a switch: the
	// data plane of each node follows them with a lag of its own (SPEC 5.11).
	drain = 5 * time.Second
	// unwell is how long fewer than half of a promoted revision's pods may be ready
	// while it is watched (SPEC 5.16).
	unwell = 10 * time.Second
	// wakeAgain is how long a ReplicaSet that was woken is left to make its pods; at
	// rest, where nobody waits for it, wakeSeldom.
	wakeAgain  = 5 * time.Second
	wakeSeldom = 30 * time.Second
	// remembered is how many revisions' attempts the state keeps.
	remembered = 20
)

// Decide says what to do next for one rollout, from what it is asked for, what it
// decided last and what is live now. It is pure: the same arguments give the same
// plan.
//
// The cases are in the order of their urgency; the first that holds wins.
func Decide(spec Spec, was State, obs Observation) Plan {
	d := begin(spec, was, obs)
	switch {
	case d.next.Back != nil || d.turnsBack():
		return d.finish(d.back())
	case d.fencing():
		return d.finish(d.fence())
	case obs.Held != "":
		return d.finish(d.hold())
	case obs.Wanted == nil && d.next.Candidate == nil && d.next.Warm == nil:
		return d.finish(d.steady()) // the mirror was not read yet: what was told stands
	case d.orders.paused:
		return d.finish(d.pause())
	case d.next.Stable == nil:
		return d.finish(d.first())
	case d.next.Warm != nil:
		return d.finish(d.warm())
	case d.next.Candidate != nil:
		return d.finish(d.canary())
	}
	return d.finish(d.rest())
}

// A decision is one call of Decide: its arguments, and the next state as it forms.
type decision struct {
	spec Spec
	was  State
	obs  Observation

	next    State
	n       int32  // the size Git asks for
	wanted  string // the revision Git asks for; empty = not known
	orders  orders
	recheck time.Time
}

func begin(spec Spec, was State, obs Observation) *decision {
	d := &decision{spec: spec, was: was, obs: obs, next: was.clone()}
	d.next.Schema = SchemaVersion
	d.n = was.Replicas
	switch {
	case obs.Wanted != nil:
		d.n, d.wanted = obs.Wanted.Replicas, obs.Wanted.Revision
		d.next.Source, d.next.Seen = obs.Wanted.Source, obs.Wanted.Seen
		d.next.Digest = obs.Wanted.Digest
		if was.Seen == obs.Wanted.Seen {
			d.next.Source = was.Source // a commit that changed nothing here (SPEC 7.4)
		}
	case obs.Seen != "" && obs.Seen != was.Seen: // a commit that is held
		d.next.Source, d.next.Seen = obs.Source, obs.Seen
	}
	switch {
	case obs.Wanted != nil:
	case was.Candidate != nil:
		d.wanted = was.Candidate.Revision
	case was.Stable != nil:
		d.wanted = was.Stable.Revision
	}
	if obs.Held == "" {
		d.next.Spec = &spec
	}
	if obs.Off.Ready {
		d.obs.Slots = maps.Clone(obs.Slots)
		for c, slot := range d.obs.Slots {
			slot.Ready = slot.Desired
			d.obs.Slots[c] = slot
		}
	}
	// A revision stays rejected until Git wants another (SPEC 2.7).
	if obs.Wanted != nil {
		d.next.Rejected = slices.DeleteFunc(d.next.Rejected, func(r Rejection) bool { return r.Revision != d.wanted })
	}
	d.refresh()
	if obs.TookOver {
		d.next.Epoch = max(was.Epoch, obs.Epoch) + 1
		d.next.Fencing = was.inFlight()
	}
	d.orders = d.resolve()
	d.clocks()
	return d
}

// refresh takes over what Git selects a revision's pods by now: Services come and change
// without a new revision (SPEC 2.2).
func (d *decision) refresh() {
	w := d.obs.Wanted
	if w == nil {
		return
	}
	for _, t := range []**Track{&d.next.Candidate, &d.next.Stable} {
		if *t != nil && (*t).Revision == w.Revision {
			now := **t
			now.Selectors, now.Ports, now.Labels = kept(w.Selectors, now.Selectors, w.Labels), w.Ports, w.Labels
			*t = &now
		}
	}
	if warm := d.next.Warm; warm != nil && warm.Old.Revision == w.Revision {
		warm.Old.Selectors = kept(w.Selectors, warm.Old.Selectors, w.Labels)
	}
}

// kept adds the Services of another release to one's own: one that is taken out of Git, or
// came with a revision that was rejected, is not deleted, and so it is switched on, or its
// users would be left with pods that go. One whose selector the pods' labels do not match
// cannot be.
func kept(own, others map[string]map[string]string, labels map[string]string) map[string]map[string]string {
	all := map[string]map[string]string{}
	maps.Copy(all, own)
	for name, selector := range others {
		matches := len(selector) > 0
		for k, v := range selector {
			matches = matches && labels[k] == v
		}
		if _, known := all[name]; !known && matches {
			all[name] = selector
		}
	}
	return all
}

// clocks stand still while a rollout is paused by its author or held (SPEC 4.7, 5.23):
// when it goes on, every moment that something counts from moves by that time.
func (d *decision) clocks() {
	still := d.orders.paused || d.obs.Held != ""
	switch {
	case still && d.next.PausedAt.IsZero() && d.next.inFlight():
		d.next.PausedAt = d.obs.At
	case !still && !d.next.PausedAt.IsZero():
		gone := d.obs.At.Sub(d.next.PausedAt)
		d.next.PausedAt = time.Time{}
		later := func(t *time.Time) {
			if !t.IsZero() {
				*t = t.Add(gone)
			}
		}
		later(&d.next.StepAt)
		later(&d.next.ProgressAt)
		if w := d.next.Warm; w != nil {
			later(&w.WatchUntil)
			later(&w.Until)
		}
	}
}

// finish turns the actions into a plan: Since moves only with the phase, the reason,
// the step or a role, and a state that says nothing new is the old one, so that
// nothing is written.
func (d *decision) finish(acts []Action) Plan {
	d.next.Intents = d.resolve().notes // as the decision leaves them
	d.next.Conditions = conditions(d.next, d.was.Conditions, d.obs.At)
	next, was := d.next, d.was
	next.Since = was.Since
	if was.Since.IsZero() || next.Phase != was.Phase || next.Reason != was.Reason || next.Step != was.Step ||
		revisionOf(next.Stable) != revisionOf(was.Stable) || revisionOf(next.Candidate) != revisionOf(was.Candidate) {
		next.Since = d.obs.At
	}
	same := next
	same.Epoch = was.Epoch
	if !next.inFlight() && sameState(same, was) {
		next = was // a settled rollout takes the new epoch with its next record (SPEC 6.3)
	}
	return Plan{Next: next, ActFirst: d.next.Back != nil, Actions: acts, Recheck: d.recheck}
}

func sameState(a, b State) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

func revisionOf(t *Track) string {
	if t == nil {
		return ""
	}
	return t.Revision
}

// say sets what people read. The message is one sentence without counts or countdowns
// (SPEC 7.4).
func (d *decision) say(phase Phase, reason Reason, format string, args ...any) {
	d.next.Phase, d.next.Reason, d.next.NextAt = phase, reason, nil
	d.next.Message = fmt.Sprintf(format, args...)
}

// until says at which moment it will move by itself.
func (d *decision) until(t time.Time) {
	d.next.NextAt = &t
	d.lookAt(t)
}

// lookAt asks for another decision at t, or earlier.
func (d *decision) lookAt(t time.Time) {
	if !t.IsZero() && (d.recheck.IsZero() || t.Before(d.recheck)) {
		d.recheck = t
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }

func (d *decision) slot(t *Track) Slot { return d.obs.Slots[t.Color] }

// stamp is what this decision's writes carry.
func (d *decision) stamp() Stamp {
	s := Stamp{Epoch: d.next.Epoch, Step: d.next.Step}
	switch {
	case d.next.Candidate != nil:
		s.Revision = d.next.Candidate.Revision
		if b := d.next.Back; b != nil && b.Cause.rejects() {
			s.Aborted = abortMark(*d.next.Candidate)
		}
	case d.next.Stable != nil:
		s.Revision = d.next.Stable.Revision
	}
	return s
}

// selection is what all Services select; Something when they differ. A rollout without
// Services is steered by its counts alone, and selects whatever is asked.
func (d *decision) selection(asked Selection) Selection {
	there := d.services()
	if len(there) == 0 {
		return asked
	}
	for _, s := range there {
		if s.Selects != there[0].Selects {
			return Something
		}
	}
	return there[0].Selects
}

// services are those that are there. One that is missing is made again with [Apply]; it
// holds up nothing else.
func (d *decision) services() []Service {
	return slices.DeleteFunc(slices.Clone(d.obs.Services), func(s Service) bool { return s.Selects == Nothing })
}

// inForce tells from the EndpointSlices that users are sent to one colour only.
func (d *decision) inForce(only Color) bool {
	for _, s := range d.services() {
		if s.Selects != Only(only) || s.Endpoints[only.Other()] > 0 && !d.obs.Off.Drain {
			return false
		}
		if s.Endpoints[only] == 0 && d.n > 0 && !d.obs.Off.Ready {
			return false
		}
	}
	return true
}

// endpoints is the least number of ready endpoints of a colour in any Service.
func (d *decision) endpoints(c Color) int32 {
	least := int32(-1)
	for _, s := range d.services() {
		if e := s.Endpoints[c]; least < 0 || e < least {
			least = e
		}
	}
	return max(least, 0)
}

// answers tells that a colour has a ready endpoint in any Service.
func (d *decision) answers(c Color) bool {
	return slices.ContainsFunc(d.obs.Services, func(s Service) bool { return s.Endpoints[c] > 0 })
}

// left tells that users left one colour for the other and the drain is over (SPEC 5.11).
// The moment they left goes into the state, so that a restart does not wait anew.
func (d *decision) left(leaves, stays Color) bool {
	if !d.inForce(stays) {
		d.next.SwitchedAt = time.Time{}
		return false
	}
	if d.obs.Off.Drain || d.obs.Slots[leaves].Ready == 0 {
		return true
	}
	if d.next.SwitchedAt.IsZero() {
		d.next.SwitchedAt = d.obs.At
	}
	end := d.next.SwitchedAt.Add(drain)
	d.lookAt(end)
	return !d.obs.At.Before(end)
}

// fencing tells that an agent took over in flight and its epoch does not stand on every
// object yet: until it does, a stalled predecessor could still write (SPEC 6.3).
func (d *decision) fencing() bool {
	if !d.next.Fencing {
		return false
	}
	if !d.obs.TookOver && d.marked(d.stamp()) {
		d.next.Fencing = false
	}
	return d.next.Fencing
}

// fence records the step again in the new epoch, then marks (SPEC 6.4).
func (d *decision) fence() []Action { return []Action{Mark{d.stamp()}} }

// marked tells that the epoch and the abort stand on all traffic objects and slots.
func (d *decision) marked(s Stamp) bool {
	for _, svc := range d.obs.Services {
		if svc.Selects != Nothing && (svc.Epoch != s.Epoch || svc.Aborted != s.Aborted) {
			return false
		}
	}
	for _, slot := range d.obs.Slots {
		if slot.Exists && !slot.Deleting && (slot.Epoch != s.Epoch || slot.Aborted != s.Aborted) {
			return false
		}
	}
	return true
}

// hold keeps everything as it is (SPEC 6.9). Users are still kept on the one colour
// that serves between rollouts.
func (d *decision) hold() []Action {
	d.say(Degraded, Held, "%s", d.obs.Held)
	return d.steady()
}

// pause keeps everything as it is because the author says so (SPEC 4.7).
func (d *decision) pause() []Action {
	switch {
	case d.next.Candidate == nil && d.next.Stable != nil && d.next.rejected(d.wanted) != nil:
		return d.keepRejected(d.next.rejected(d.wanted)) // SPEC 7.2: Git asks for what does not run
	case d.next.Candidate != nil && d.next.Stable != nil:
		d.say(Paused, PausedByIntent, "%s, paused by `paused: true`", d.position())
	case d.next.Candidate == nil && d.next.Warm == nil && d.next.Stable != nil && d.next.Stable.Revision == d.wanted:
		d.say(Paused, PausedByIntent, "%s is stable, paused by `paused: true`", d.wanted)
		if acts := d.steady(); acts != nil {
			return acts
		}
		return d.repairStable()
	case d.next.Stable != nil && d.next.Stable.Revision == d.wanted:
		d.say(Paused, PausedByIntent, "%s is stable, paused by `paused: true`", d.wanted)
	default:
		d.say(Paused, PausedByIntent, "%s waits, paused by `paused: true`", d.wanted)
	}
	return d.steady()
}

// steady repairs drift where nothing moves: a Service that is gone is made again, and
// the Services select what was recorded, never more of the candidate (SPEC 4.7, 5.8).
func (d *decision) steady() []Action {
	if d.next.Stable == nil {
		return nil
	}
	if acts := d.restores(); acts != nil {
		return acts
	}
	to := d.recorded()
	if c := d.next.Candidate; c != nil {
		switch sel := d.selection(to); {
		case to == BothColors && (sel == Something || sel == Only(c.Color)), to == Only(c.Color) && sel == Something:
			return []Action{Select{To: to, Stamp: d.stamp()}}
		case d.next.Live == 0 && d.slot(d.next.Stable).Ready >= d.least():
			// Nobody should be on the candidate yet, and stable can take all.
		default:
			return nil
		}
	}
	if d.selection(to) != to && (d.slot(d.next.Stable).Ready > 0 || d.n == 0) {
		return []Action{Select{To: to, Stamp: d.stamp()}}
	}
	return nil
}

// restores makes Services again that were recorded and are gone, as the wanted release
// has them; what a held release says is not written (SPEC 6.9). They select what was
// live.
func (d *decision) restores() []Action {
	if !d.obs.Gone || d.obs.Wanted == nil || d.obs.Held != "" {
		return nil
	}
	return []Action{Apply{Services: true, Pin: d.recorded(), Stamp: d.stamp()}}
}

// recorded is what the Services select by the weight that was live last.
func (d *decision) recorded() Selection {
	c, s := d.next.Candidate, d.next.Stable
	switch {
	case c == nil:
		return Only(s.Color)
	case d.next.Back != nil && d.slot(s).Ready < d.least() && d.slot(c).Ready > 0:
		if d.slot(s).Ready == 0 {
			return Only(c.Color) // capacity first: nobody is there to go back to yet
		}
		return BothColors
	case d.next.Back != nil:
		return Only(s.Color)
	case d.next.Live == 0 && d.next.Asked > 0 && d.slot(s).Ready < d.least() && d.slot(c).Ready > 0:
		return BothColors // on the way up stable has given up pods already: they were shared
	case d.next.Live == 0:
		return Only(s.Color)
	case d.next.Live >= 100:
		return Only(c.Color)
	}
	return BothColors
}

// revives brings a Deployment back whose ReplicaSet a hand deleted: while it is paused its
// controller makes none. One whose template a hand changed is left alone, as that would
// run (SPEC 5.4).
func (d *decision) revives(t *Track) []Action {
	slot := d.slot(t)
	if !slot.Exists || slot.Deleting || slot.Started || !slot.Paused || slot.Edited {
		return nil
	}
	return []Action{Revive{t.Color, d.stamp()}}
}

// rest: stable serves, and nothing is in flight. A new wanted revision starts a
// rollout; the same one gets its shared objects and its size at once (SPEC 2.2, 2.3).
func (d *decision) rest() []Action {
	stable := d.next.Stable
	d.next.Step, d.next.StepAt, d.next.Asked, d.next.Live = 0, time.Time{}, 0, 0
	d.next.ProgressAt, d.next.Cap = time.Time{}, nil
	d.next.Fencing = false
	if d.obs.Slots[stable.Color.Other()].Desired == 0 {
		d.next.SwitchedAt = time.Time{}
	}
	if d.wanted != stable.Revision {
		if r := d.next.rejected(d.wanted); r != nil {
			return d.keepRejected(r)
		}
		return d.start()
	}
	d.say(Healthy, Stable, "%s is stable", stable.Revision)
	if acts := d.steady(); acts != nil {
		return acts
	}
	if acts := d.repairStable(); acts != nil {
		return acts
	}
	if d.obs.Changed {
		return []Action{Apply{All: true, Pin: Only(stable.Color), Stamp: d.stamp()}}
	}
	return nil
}

// keepRejected: Git still asks for a revision that may not run.
func (d *decision) keepRejected(r *Rejection) []Action {
	if !d.slot(d.next.Stable).Exists {
		d.say(Degraded, Rejected, "%s is rejected, and the Deployment of stable %s is gone: revert to commit %s to have it made again", r.Revision, d.next.Stable.Revision, d.next.Stable.Commit)
		return d.steady()
	}
	if d.orders.abort || d.spec.Intents.Abort != "" && d.names(d.spec.Intents.Abort) {
		d.say(Degraded, Aborted, "%s is aborted, %s serves: %s", r.Revision, d.next.Stable.Revision, r.Reason)
	} else {
		d.say(Degraded, Rejected, "%s is rejected, %s serves: %s", r.Revision, d.next.Stable.Revision, r.Reason)
	}
	return append(d.steady(), d.repairStable()...)
}

// repairStable brings the serving colour to the size Git asks for, makes it again when
// it was deleted, and empties the other colour.
func (d *decision) repairStable() []Action {
	stable := d.next.Stable
	slot, other := d.slot(stable), d.obs.Slots[stable.Color.Other()]
	resized := d.n != d.was.Replicas && !d.orders.paused // SPEC 4.7
	if slot.Exists && slot.Desired == d.n {
		d.next.Replicas = d.n // recorded once it is made: a death in between makes it again
	}
	stamp := d.stamp()
	stamp.Revision = stable.Revision
	switch {
	case slot.Deleting:
		return nil // it must go first (SPEC 6.8)
	case !slot.Exists && d.obs.Wanted != nil && d.wanted == stable.Revision:
		// The same revision: it need not wait until its old pods are gone.
		return []Action{Create{Color: stable.Color, Stamp: stamp}}
	case !slot.Exists || !slot.Started:
		return d.revives(stable)
	case resized && slot.Desired != d.n, slot.Desired == 0 && d.n > 0:
		return []Action{Scale{Color: stable.Color, Count: d.n, Stamp: stamp}}
	case !slot.Paused: // SPEC 5.4
		return []Action{Scale{Color: stable.Color, Count: slot.Desired, Stamp: stamp}}
	case slot.Starved && slot.Pods < slot.Desired && !d.obs.At.Before(slot.TouchedAt.Add(wakeSeldom)):
		// Quota had no room; whether it has now only a try tells (K30).
		d.lookAt(d.obs.At.Add(wakeSeldom))
		return []Action{Touch{stable.Color, d.obs.At}}
	case slot.Starved && slot.Pods < slot.Desired:
		d.lookAt(slot.TouchedAt.Add(wakeSeldom))
		return nil
	case other.Exists && !other.Deleting && other.Desired > 0 && !d.orders.paused && d.left(stable.Color.Other(), stable.Color):
		return []Action{Scale{Color: stable.Color.Other(), Count: 0, Stamp: stamp}}
	}
	return nil
}

// candidate is the wanted release as the candidate of a new attempt.
func (d *decision) candidate(c Color) *Track {
	t := d.obs.Wanted.Track
	t.Color = c
	if s := d.next.Stable; s != nil {
		t.Selectors = kept(t.Selectors, s.Selectors, t.Labels)
	}
	if d.next.Attempts == nil {
		d.next.Attempts = map[string]int{}
	}
	t.Attempt = d.next.Attempts[t.Revision] + 1
	d.forget(t.Revision)
	d.next.Attempts[t.Revision] = t.Attempt
	return &t
}

// forget bounds the memory of attempts. A revision that is forgotten and comes back
// counts from 1 again; its old mark was taken off long ago.
func (d *decision) forget(keep string) {
	for _, r := range slices.Sorted(maps.Keys(d.next.Attempts)) {
		if len(d.next.Attempts) < remembered {
			return
		}
		if r != keep && r != revisionOf(d.next.Stable) {
			delete(d.next.Attempts, r)
		}
	}
}
