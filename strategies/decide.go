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
	case d.strands():
		return d.finish(d.unstrand())
	case d.obs.Held != "":
		return d.finish(d.hold())
	case obs.Wanted == nil && d.next.Candidate == nil && d.next.Warm == nil:
		d.retell()
		return d.finish(d.steady()) // the mirror was not read yet: what was told stands
	case d.orders.paused:
		return d.finish(d.pause())
	case d.next.Stable == nil:
		return d.finish(d.first())
	case d.next.Warm != nil:
		return d.finish(d.warm())
	case d.next.Candidate != nil && d.wanted != d.next.Candidate.Revision:
		// A newer one cannot take its place while there is nowhere to go back to, and what
		// people say now is not said of this one.
		d.stableIsGone()
		return d.finish(nil)
	case d.next.Candidate != nil:
		acts := d.advance()
		if d.next.Back != nil { // it turned round by itself, and needs no record for that
			acts = d.back()
		}
		return d.finish(acts)
	}
	return d.finish(d.rest())
}

// A decision is one call of Decide: its arguments, and the next state as it forms.
type decision struct {
	spec  Spec  // in force: a rollout in flight keeps its kind of strategy
	asked Spec  // as Git has it
	read  State // as it is recorded
	was   State // that, by the clock as it is now
	obs   Observation

	next    State
	wanted  string // the revision Git asks for; empty = not known
	orders  orders
	recheck time.Time

	workloads  []string // that it looks at, one after the other
	workload   string   // that it looks at now
	n, had     int32    // the size of it that Git asks for, and asked for before
	keepsSizes bool     // what Git asks for waits
}

func begin(spec Spec, read State, obs Observation) *decision {
	was := read.jumped(obs.Jumped)
	d := &decision{spec: inForce(spec, was), asked: spec, read: read, was: was, obs: obs, next: was.clone()}
	d.next.Schema = SchemaVersion
	d.workloads = d.workloadNames()
	d.look(d.workloads[0])
	maps.DeleteFunc(d.next.Sizes, func(name string, _ Size) bool { return !slices.Contains(d.workloads, name) })
	switch {
	case obs.Wanted != nil:
		d.wanted = obs.Wanted.Revision
		d.next.Source, d.next.Seen = obs.Wanted.Source, obs.Wanted.Seen
		d.next.Digest = obs.Wanted.Digest
		if was.Seen == obs.Wanted.Seen {
			d.next.Source = was.Source // a commit that changed nothing here (SPEC 7.4)
		}
	case obs.Seen != "" && obs.Seen != was.Seen: // a commit that is held
		d.next.Source, d.next.Seen = obs.Source, obs.Seen
	}
	if !obs.Unread {
		d.next.Told = nil
	}
	if obs.Wanted != nil || obs.Held != "" {
		d.next.Mistakes = obs.Mistakes
	} else { // no commit was read yet: what was held stays held (SPEC 6.9)
		obs.Held = Sentence(was.Mistakes)
		d.obs.Held = obs.Held
	}
	switch {
	case obs.Wanted != nil:
	case was.Candidate != nil:
		d.wanted = was.Candidate.Revision
	case was.Stable != nil:
		d.wanted = was.Stable.Revision
	}
	if obs.Held == "" {
		d.next.Spec = &d.spec
	}
	if obs.Off.Ready {
		d.obs.Workloads = maps.Clone(obs.Workloads)
		for name, slots := range d.obs.Workloads {
			ready := maps.Clone(slots)
			for c, slot := range ready {
				slot.Ready = slot.Desired
				ready[c] = slot
			}
			d.obs.Workloads[name] = ready
		}
	}
	// A revision stays rejected until Git wants another (SPEC 2.7).
	if obs.Wanted != nil {
		d.next.Rejected = slices.DeleteFunc(d.next.Rejected, func(r Rejection) bool { return r.Revision != d.wanted })
	}
	d.refresh()
	if obs.TookOver {
		d.next.Epoch = max(was.Epoch, obs.Epoch) + 1
		if obs.Claimed == obs.Epoch && obs.Claimed > was.Epoch {
			d.next.Epoch = obs.Claimed // the highest is our own: a return acted, and could not be recorded
		}
		d.next.Fencing = was.inFlight()
		d.away()
		d.unheard()
	}
	d.orders = d.resolve()
	d.clocks()
	d.unread()
	d.edits()
	return d
}

// away takes the time that no agent was there off what the deadline counts (SPEC 5.23): nobody
// could go on. While a rollout is paused that time is taken off with the pause.
func (d *decision) away() {
	if d.next.ProgressAt.IsZero() || !d.next.PausedAt.IsZero() || !d.next.UnreadAt.IsZero() {
		return
	}
	since := d.next.ProgressAt
	for _, t := range []*Track{d.next.Stable, d.next.Candidate} {
		if t != nil {
			since = later(since, d.readyAt(t))
		}
	}
	d.next.ProgressAt = since.Add(d.obs.Away)
}

// inForce: a change of the strategy's kind counts from the next revision (SPEC 3.6). With a
// router and without one are two kinds: what the router sends to the candidate would come on
// top of its share of the pods.
func inForce(spec Spec, was State) Spec {
	if !was.inFlight() || was.Stable == nil || was.Spec == nil ||
		was.Spec.Strategy() == spec.Strategy() && was.Spec.Canary.routed() == spec.Canary.routed() {
		return spec
	}
	kept := *was.Spec
	kept.Intents = spec.Intents
	return kept
}

// edits keeps the place when rollout.yaml is edited in mid-flight (SPEC 3.6). It looks at
// once, whatever is decided then: the new spec goes into every record, and what was
// there before is not seen again.
func (d *decision) edits() {
	if d.was.Spec == nil || d.was.Candidate == nil || d.was.Stable == nil || d.was.Back != nil || d.obs.Held != "" {
		return
	}
	if d.spec.BlueGreen != nil {
		d.regated()
	} else {
		d.edited()
	}
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
			now.Selectors, now.Workloads = kept(w.Track, now.Selectors), w.Workloads
			now.Services, now.Previews = w.Services, w.Previews
			*t = &now
		}
	}
	if warm := d.next.Warm; warm != nil && warm.Old.Revision == w.Revision {
		warm.Old.Selectors, warm.Old.Services = kept(w.Track, warm.Old.Selectors), w.Services
	}
}

// kept adds the Services of another release to a track's own: one that is taken out of Git, or
// came with a revision that was rejected, is not deleted, and so it is switched on, or its
// users would be left with pods that go. One whose selector the pods' labels do not match
// cannot be, and one that became a preview is none any more.
func kept(own Track, others map[string]map[string]string) map[string]map[string]string {
	all := map[string]map[string]string{}
	maps.Copy(all, own.Selectors)
	for name, selector := range others {
		matches := false
		for _, w := range own.Workloads {
			matches = matches || w.Selects(selector)
		}
		_, known := all[name]
		if _, preview := own.Previews[name]; !known && !preview && matches {
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
		later(&d.next.OverlapAt)
		later(&d.next.PartialAt)
		if w := d.next.Warm; w != nil {
			later(&w.WatchUntil)
			later(&w.Until)
			for _, one := range w.Watched {
				later(&one.RaisedAt)
			}
		}
	}
}

// unread: an agent that starts while the mirror is down cannot make a candidate that is not
// there, nor bring a first release up, and that is no time the candidate had (SPEC 5.23). One that
// stable gave up pods for has its deadline: it may not keep them.
func (d *decision) unread() {
	c, s, at := d.next.Candidate, d.next.Stable, &d.next.UnreadAt
	waits := c != nil && d.obs.Unread && d.next.PausedAt.IsZero() &&
		(s == nil || d.next.Live == 0 && d.every(func() bool { return !d.slot(c).Exists && d.slot(s).Desired >= d.n }))
	switch {
	case waits && at.IsZero():
		*at = d.obs.At
	case !waits && !at.IsZero():
		if !d.next.ProgressAt.IsZero() {
			d.next.ProgressAt = d.next.ProgressAt.Add(d.obs.At.Sub(*at))
		}
		*at = time.Time{}
	}
}

// finish turns the actions into a plan: Since moves only with the phase, the reason,
// the step or a role, and a state that says nothing new is the old one, so that
// nothing is written. What only a jump of the clock moves in it is nothing new at rest:
// it is moved again by the next decision.
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
	switch {
	case !next.inFlight() && sameState(same, was):
		next = d.read // a settled rollout takes the new epoch with its next record (SPEC 6.3)
	case !next.Fencing && next.Back == nil && d.obs.Held == "" && d.outlived():
		// The first record after a take-over at rest, where nothing was marked. If we die before all is,
		// the next agent takes over in flight, or records and marks as we did. A size that was still to
		// be made may be made wrong until then.
		next.Fencing, acts = true, d.fence()
		next.Sizes = d.unmade(next.Sizes)
	}
	return Plan{Next: next, ActFirst: d.next.Back != nil, Actions: acts, Runs: d.runs(), Recheck: d.recheck}
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

// lookAhead is lookAt for a moment that may be over.
func (d *decision) lookAhead(t time.Time) {
	if d.obs.At.Before(t) {
		d.lookAt(t)
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }

func (d *decision) slot(t *Track) Slot { return d.in(t.Color) }

// in is the workload in a colour.
func (d *decision) in(c Color) Slot { return d.obs.Workloads[d.workload][c] }

// readyAt is when the last pod of a revision became ready; zero = none did.
func (d *decision) readyAt(t *Track) (last time.Time) {
	for _, slot := range d.slotsOf(t.Color) {
		last = later(last, slot.ReadyAt)
	}
	return last
}

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
