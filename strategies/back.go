package strategies

import (
	"fmt"
	"slices"
	"time"
)

// turnsBack decides whether users go back to stable now, and why. Each cause is a fact
// that is still there after a crash, or carries its own record on the live objects
// (SPEC 6.4).
func (d *decision) turnsBack() bool {
	s := &d.next
	if s.Stable == nil || s.Candidate == nil && s.Warm == nil {
		return false
	}
	tried := s.Candidate // what may be taken back: the candidate, or what was just promoted
	if tried == nil {
		tried = s.Stable
	}
	set := func(cause Cause, format string, args ...any) bool {
		if s.Warm != nil { // the promotion is taken back: the roles change again
			old := s.Warm.Old
			for name, one := range s.Warm.Watched {
				if one.Wide {
					s.Sizes[name] = Size{Pods: s.Sizes[name].Pods, Resizing: true}
				}
			}
			s.Candidate, s.Stable, s.Warm = s.Stable, &old, nil
			if cause.rejects() { // what failed here is no revision to go back to without steps (SPEC 2.6)
				s.Promoted = without(s.Promoted, tried.Revision)
			}
			s.remember(old.Revision)
			s.Live, s.Step = 100, len(d.steps())+1
		}
		s.Back = &Back{Cause: cause, Why: fmt.Sprintf(format, args...), At: d.obs.At}
		d.unswitch()
		return true
	}
	switch {
	case d.orders.abort && d.wanted == tried.Revision:
		return set(ByPerson, "aborted by a person")
	case d.abortSeen(*tried):
		return set(ByItself, "an abort that was under way")
	}
	if s.Warm != nil {
		d.postJudged()
	}
	if why := d.fails(); why != "" {
		return set(ByItself, "%s", why)
	}
	if s.Warm != nil {
		if why := d.watchFails(); why != "" {
			return set(ByItself, "%s%s", why, because(d.trouble(tried)))
		}
	}
	switch {
	case d.obs.Removed && s.Warm == nil:
		return set(ByRollback, "rollout.yaml is gone from Git")
	case d.obs.Wanted == nil || d.obs.Held != "" || d.wanted == tried.Revision:
		return false
	case s.Warm != nil && d.wanted == s.Warm.Old.Revision:
		return set(ByRollback, "Git wants %s again", d.wanted)
	case s.Warm != nil || d.orders.paused && d.wanted != s.Stable.Revision:
		return false // a newer revision waits for the watch, or for `paused` to end
	case d.wanted == s.Stable.Revision:
		return set(ByRollback, "Git wants %s again", d.wanted)
	case d.gone(s.Stable):
		return false // nowhere to go back to
	}
	return set(ByNewer, "%s takes its place", d.wanted)
}

// abortSeen: an abort acted and died before its record. It is of this attempt only.
func (d *decision) abortSeen(t Track) bool {
	mark := abortMark(t)
	for _, s := range d.obs.Services {
		if s.Aborted == mark {
			return true
		}
	}
	for _, slot := range slices.Concat(d.slotsOf(Blue), d.slotsOf(Green)) {
		if slot.Aborted == mark {
			return true
		}
	}
	return false
}

// back returns users to stable (SPEC 5.17). By ratio capacity comes first: stable to
// full; then the Services; the drain; then the candidate to 0. Nothing here raises the
// candidate's share, so nothing waits for a record (SPEC 6.4), and what can be done now
// is done in one go: an action that fails holds up no other.
func (d *decision) back() []Action {
	d.next.Fencing = false // back marks with its own epoch
	d.heedSizes()
	b, c, s := d.next.Back, d.next.Candidate, d.next.Stable
	d.say(Progressing, GoingBack, "%s is %s, going back to %s: %s", c.Revision, b.Cause, s.Revision, b.Why)

	enough := d.every(d.takesAll)
	// Users first where they can be taken, and the mark in that write; where capacity comes
	// first it is written before the first count (SPEC 6.4).
	var acts []Action
	if to, overlap := Only(s.Color), enough && d.overlapsBack(); !d.placed(to, overlap) && enough {
		acts = append(acts, Select{To: to, Overlap: overlap, Stamp: d.stamp()})
	}
	acts = append(acts, d.reroutes(enough)...)
	if stamp := d.stamp(); !d.marked(stamp) {
		acts = append(acts, Mark{stamp})
	}
	acts = append(acts, d.all(d.regrows)...)
	acts = append(acts, d.restores()...)
	acts = append(acts, d.all(d.remakes)...)
	// While its pods crash in turn some may be ready now and then: that is not told each time (SPEC 7.4).
	if !enough && !d.deserted(c.Color) && d.some(d.awaited) {
		d.next.Message += "; waiting for pods of " + s.Revision + " to be ready" + because(d.trouble(s))
	}
	left := d.some(func() bool { slot := d.slot(c); return slot.Exists && !slot.Deleting && slot.Desired > 0 })
	switch drained := left && d.drained(); {
	case drained && d.spares():
		if len(acts) == 0 {
			d.spare()
			return d.returned()
		}
	case left:
		acts = append(acts, d.all(func() []Action { return d.empties(drained) })...)
	case !d.deserted(c.Color):
		// Users are on the way back, or the drain is not over.
	case len(acts) == 0:
		return d.returned()
	}
	if d.every(func() bool { return d.slot(s).Desired >= d.n }) { // one that grows is paused by that
		acts = append(acts, d.all(func() []Action { return d.templates(s) })...) // after the rest: it holds up no return
	}
	if !d.next.SwitchedAt.IsZero() && (d.n == 0 || d.some(func() bool { return d.slot(s).Ready > 0 })) {
		d.next.Live = 0
		d.say(Progressing, GoingBack, "%s is %s, users are back on %s, draining: %s", c.Revision, b.Cause, s.Revision, b.Why)
	}
	return acts
}

// regrows brings a workload of stable back to its size. A larger one is made when it is on record.
func (d *decision) regrows() []Action {
	s, size := d.next.Stable, min(d.n, d.had)
	stable := d.slot(s)
	if !stable.Started || stable.Desired >= size { // to scale is to pause, and a paused one makes no ReplicaSet
		return nil
	}
	if b := d.swap(); b.WokenAt.IsZero() { // it is woken by that, however often that is tried
		b.WokenAt = d.obs.At
	}
	return []Action{Scale{d.workload, s.Color, size, d.stamp()}}
}

// remakes brings back what is missing of a workload of stable.
func (d *decision) remakes() []Action {
	s := d.next.Stable
	stable := d.slot(s)
	d.lookAt(stable.NextAt)
	switch {
	case stable.Exists && !stable.Started:
		return d.revives(s)
	case stable.Exists || !d.has(s):
		return nil
	case stable.Pods == 0 && d.obs.Wanted != nil && d.wanted == s.Revision:
		stamp := d.stamp()
		stamp.Revision = s.Revision
		return []Action{Create{d.workload, s.Color, stamp}}
	}
	c, b := d.next.Candidate, d.next.Back
	d.say(Degraded, Held, "%s is %s, and the Deployment of stable %s is gone: %s", c.Revision, b.Cause, s.Revision, s.again())
	return nil
}

// awaited tells that a workload of stable has its count and none of its pods, or ones in trouble.
func (d *decision) awaited() bool {
	stable := d.slot(d.next.Stable)
	return (stable.Ready == 0 || stable.Trouble != "") && stable.Started && stable.Desired >= d.n
}

// empties takes a workload of the candidate to no pods after the drain, or lets it give way before.
func (d *decision) empties(drained bool) []Action {
	c := d.next.Candidate
	candidate, stable := d.slot(c), d.slot(d.next.Stable)
	switch {
	case !candidate.Exists || candidate.Deleting || candidate.Desired == 0:
	case drained:
		return []Action{Scale{d.workload, c.Color, 0, d.stamp()}}
	case stable.Starved && stable.Desired >= d.n && !d.takesAll():
		return d.giveWay(candidate, stable)
	}
	return nil
}

// swap is how far a workload of the candidate gave way to stable's.
func (d *decision) swap() *Swap {
	b := d.next.Back
	if b.Swaps == nil {
		b.Swaps = map[string]*Swap{}
	}
	if b.Swaps[d.workload] == nil {
		b.Swaps[d.workload] = &Swap{}
	}
	return b.Swaps[d.workload]
}

// takesAll tells that stable is ready to take the candidate's users back.
func (d *decision) takesAll() bool {
	candidate, stable := d.slot(d.next.Candidate), d.slot(d.next.Stable)
	if !d.has(d.next.Stable) {
		return true
	}
	enough := stable.sure() >= d.least() || candidate.Ready == 0 && !d.answers(d.next.Candidate.Color)
	if d.spec.keepsStable() { // it takes at least as much as the candidate does
		enough = enough || stable.sure() > 0 && stable.sure() >= candidate.Ready
	}
	return enough
}

// overlapsBack tells that Services which had left stable altogether, and overlap, select
// both colours for now: what is in front of them would find nobody else (SPEC 5.10). Where
// no pod of the candidate is ready there is nobody to overlap with.
func (d *decision) overlapsBack() bool {
	length := d.spec.SwitchOverlap
	if length == 0 || d.every(func() bool { return d.slot(d.next.Candidate).Ready == 0 }) {
		return false
	}
	if d.next.OverlapAt.IsZero() {
		for _, s := range d.services() {
			if s.Overlaps && s.Selects == Only(d.next.Candidate.Color) {
				d.next.OverlapAt = d.obs.At
			}
		}
	}
	if d.next.OverlapAt.IsZero() {
		return false
	}
	end := d.next.OverlapAt.Add(length)
	if !d.obs.At.Before(end) {
		return false
	}
	d.lookAt(end)
	return true
}

// giveWay: quota refuses stable's growth. Where that did not grow in this return its ReplicaSet is woken
// first: by itself it would sleep for minutes though there is room again (K30). Then the candidate
// gives way pod for pod: one pod goes, stable's ReplicaSet is woken to take its place, and the next
// one goes when one more of stable's is ready, or while enough pods would still be ready without
// it. More is never given: what stable cannot take would only be lost.
func (d *decision) giveWay(candidate, stable Slot) []Action {
	b, c, s := d.swap(), d.next.Candidate, d.next.Stable
	_, unavailable := d.spec.budget(d.n)
	enough := candidate.Desired-1+stable.Ready >= d.n-max(unavailable, 1)
	woken := b.WokenAt.Add(wakeAgain)
	if !enough {
		woken = b.WokenAt.Add(wakeSeldom) // nothing more is given; somebody must make room
	}
	switch {
	case d.selection(Something) == Only(c.Color) && stable.Ready > 0:
		// What stable has must serve before the candidate gives anything.
		return []Action{Select{To: BothColors, Stamp: d.stamp()}}
	case candidate.Pods > candidate.Desired:
		return nil // it is on its way; terminating pods count against quota
	case stable.Pods >= d.n:
		return nil
	case b.WokenAt.IsZero(): // what refused it before may have room by now
		b.WokenAt = d.obs.At
		d.lookAt(d.obs.At.Add(wakeAgain))
		return []Action{Touch{d.workload, s.Color, d.obs.At}}
	case !b.Gave && b.Had == 0 && !stable.TouchedAt.After(d.obs.At) && d.obs.At.Before(stable.TouchedAt.Add(wakeAgain)):
		d.lookAt(stable.TouchedAt.Add(wakeAgain))
		return nil
	case !b.Gave && stable.Ready <= b.Had && d.obs.At.Before(woken):
		d.lookAt(woken)
		return nil
	case !b.Gave && (stable.Ready > b.Had || enough):
		b.Gave = true
		return []Action{Scale{d.workload, c.Color, candidate.Desired - 1, d.stamp()}}
	}
	b.Gave, b.WokenAt, b.Had = false, d.obs.At, stable.Ready
	d.lookAt(d.obs.At.Add(wakeAgain))
	return []Action{Touch{d.workload, s.Color, d.obs.At}}
}

// returned: stable serves alone. A rejected revision stays out; after a newer revision
// or a rollback the rollout simply is at rest again.
func (d *decision) returned() []Action {
	b, c := d.next.Back, d.next.Candidate
	if b.Cause.rejects() {
		d.reject(c.Revision, c.Attempt, b.Why)
	}
	stable := *d.next.Stable
	stable.Selectors = kept(stable, c.Selectors)
	d.next.Stable = &stable
	d.next.Back, d.next.Candidate = nil, nil
	d.next.OverlapAt = time.Time{}
	if d.obs.Wanted == nil && b.Cause == ByRollback {
		d.wanted = stable.Revision // as Git had it when it could be read
	}
	if d.orders.paused || d.obs.Held != "" {
		d.next.Step, d.next.Asked, d.next.Live = 0, 0, 0
		if d.obs.Held != "" {
			return d.hold()
		}
		return d.pause()
	}
	return d.rest()
}
