package strategies

import (
	"fmt"
	"strings"
	"time"
)

// warm: a revision was promoted. The old colour stays for a while and the new one is
// watched (SPEC 5.15, 5.16); then the old one goes to 0 and the rollout is Healthy.
func (d *decision) warm() []Action {
	w, stable := d.next.Warm, d.next.Stable
	drained := w.Drained // the slot is not taken before (SPEC 5.11)
	newer := d.obs.Wanted != nil && d.wanted != stable.Revision && (d.next.rejected(d.wanted) == nil || d.orders.retry)
	awaits, person := d.awaits()
	if !d.deserted(w.Old.Color) {
		d.next.SwitchedAt = time.Time{} // a hand sent users back to it: they have yet to leave
	}
	switch {
	case newer && awaits && person && !d.orders.full:
		d.say(Paused, Undecided, "%s serves, and the analysis after its promotion is inconclusive: %s waits for promote with full: true, which gives up the way back", stable.Revision, d.wanted)
	case newer && awaits && !d.orders.full:
		d.say(Progressing, Queued, "%s is stable; %s is queued behind its analysis", stable.Revision, d.wanted)
	case newer && d.obs.At.Before(drained) && (d.orders.full || !d.obs.At.Before(w.WatchUntil)):
		d.say(Progressing, Queued, "%s is stable; %s waits for the drain until %s", stable.Revision, d.wanted, clock(drained))
		d.until(drained)
	case newer && d.obs.At.Before(w.WatchUntil) && !d.orders.full:
		d.say(Progressing, Queued, "%s is stable; %s is queued behind its watch until %s", stable.Revision, d.wanted, clock(w.WatchUntil))
		d.until(w.WatchUntil)
	case newer:
		// It takes the warm slot and the way back ends here; in the watch only for
		// `promote: {full: true}`, which gives it up knowingly (K24).
		d.next.Warm = nil
		return d.rest()
	case awaits && person:
		d.say(Paused, Undecided, "%s serves, and the analysis after its promotion is inconclusive: waiting for promote; %s stays warm until then", stable.Revision, w.Old.Revision)
	case awaits && !d.obs.At.Before(w.Until):
		d.say(Progressing, Analyzing, "%s serves, the analysis after its promotion is running; %s stays warm until then", stable.Revision, w.Old.Revision)
	case d.some(func() bool { return d.has(&w.Old) && !d.slot(&w.Old).Exists && d.n > 0 }):
		d.say(Progressing, Watching, "%s is stable; the Deployment of %s is gone, and with it the way back", stable.Revision, w.Old.Revision)
		d.lookAhead(w.WatchUntil)
		d.lookAhead(w.Until)
	default:
		d.sayDraining()
		d.lookAhead(w.WatchUntil)
		d.lookAhead(w.Until)
		if !d.obs.At.Before(w.Until) && d.some(d.oldAsked) {
			d.sayDeserted()
		}
	}
	if acts := d.steady(); acts != nil {
		return acts
	}
	if acts := d.mendStable(); acts != nil {
		return acts
	}
	if !newer && d.obs.Changed {
		// What routes follows the Services (SPEC 5.18); they are in force.
		return []Action{Apply{All: true, Pin: Only(stable.Color), Previews: Only(stable.Color), Stamp: d.stamp()}}
	}
	if acts := d.all(d.resizedWarm); acts != nil && !newer {
		return acts
	}
	if d.obs.At.Before(w.Until) || awaits {
		return nil
	}
	if d.some(d.oldAsked) {
		if !d.inForce(stable.Color) || !d.left(w.Old.Color, stable.Color) {
			return nil
		}
		if d.next.Phase == Degraded {
			d.sayDraining()
		}
		return d.all(func() []Action {
			if !d.oldAsked() {
				return nil
			}
			return []Action{Scale{d.workload, w.Old.Color, 0, d.stamp()}}
		})
	}
	if d.some(func() bool { return d.slot(&w.Old).Pods > 0 }) {
		return nil
	}
	d.next.Warm = nil
	return d.rest()
}

// oldAsked tells that a workload of the old colour is still asked for pods.
func (d *decision) oldAsked() bool {
	old := d.slot(&d.next.Warm.Old)
	return old.Exists && !old.Deleting && old.Desired > 0
}

// sayDraining tells how long the way back stays open. Until the old pods are gone, connections that
// are kept open still reach them (SPEC 5.11).
func (d *decision) sayDraining() {
	w, watched := d.next.Warm, ""
	if d.obs.At.Before(w.WatchUntil) || !w.WatchUntil.Before(w.Until) {
		watched = ", watched until " + clock(w.WatchUntil)
	}
	d.say(Progressing, Watching, "%s is stable%s; switched, draining: %s stays warm until %s",
		d.next.Stable.Revision, watched, w.Old.Revision, clock(w.Until))
	d.next.NextAt = &w.Until
}

// sayDeserted tells that the way back stays open for as long as nobody answers. It stays told until
// the old colour goes: pods that crash in turn look well for a moment each time (SPEC 7.4).
func (d *decision) sayDeserted() {
	stable, old := d.next.Stable, &d.next.Warm.Old
	nobody := stable.Revision + " is stable and answers nobody"
	ready, trouble := d.answered(stable), d.trouble(stable)
	told := d.was.Phase == Degraded && d.was.Reason == Watching && strings.HasPrefix(d.was.Message, nobody)
	switch {
	case told && (ready || trouble == ""):
		d.say(Degraded, Watching, "%s", d.was.Message)
	case !ready:
		d.say(Degraded, Watching, "%s%s; %s stays warm: abort or revert to go back to it", nobody, because(trouble), old.Revision)
	}
}

// resizedWarm brings a new size at once (SPEC 2.3): the new stable gets it, and with
// blue/green the old colour too, so that the way back stays as wide. By ratio the old one
// keeps what it has, and what it leaves of the surge bounds the growth until it is gone.
func (d *decision) resizedWarm() []Action {
	stable, old := d.slot(d.next.Stable), d.slot(&d.next.Warm.Old)
	if !d.has(d.next.Stable) || !d.resizing() || !stable.Exists || stable.Deleting {
		return nil
	}
	d.heedSize()
	size := d.n
	if !d.spec.keepsStable() && size > stable.Desired {
		size = max(stable.Desired, min(size, size+d.spec.Surge(size)-old.Desired))
	}
	if stable.Desired != size {
		return []Action{Scale{d.workload, d.next.Stable.Color, size, d.stamp()}}
	}
	if d.spec.keepsStable() && old.Exists && !old.Deleting && old.Desired > 0 && old.Desired != size && size > 0 {
		if drained := d.next.Warm.Drained; old.Desired > size && d.obs.At.Before(drained) {
			d.lookAt(drained) // users may still be on their way there (SPEC 5.11)
			return nil
		}
		return []Action{Scale{d.workload, d.next.Warm.Old.Color, size, d.stamp()}}
	}
	if size == d.n {
		d.resized()
		d.watched().Wide = old.Desired > size // should users go back to it, its size is still to be made
	}
	return nil
}

// expectedWarm is how many pods of a promoted revision should be ready by now: of a size that fell
// and rose again those that came since are on their way, as long as the deadline lets them be.
func (d *decision) expectedWarm(size, ready int32, clock time.Time) int32 {
	w := d.watched()
	w.Least = min(w.Least, size)
	switch since := later(w.RaisedAt, d.slot(d.next.Stable).ReadyAt); {
	case w.Least == size:
		w.RaisedAt = time.Time{}
	case ready >= size:
		w.Least, w.RaisedAt = size, time.Time{}
	case w.RaisedAt.IsZero():
		w.RaisedAt = clock
	case !clock.Before(since.Add(d.spec.ProgressDeadline)):
		w.Least, w.RaisedAt = size, time.Time{}
	default:
		d.lookAt(since.Add(d.spec.ProgressDeadline))
	}
	return w.Least
}

// watchFails says what is wrong with a promoted revision while it is watched: most of its
// pods crashed, half of them again and again, none of them answers while the old ones
// would, or fewer than half were ready for some time (SPEC 5.16). Since when goes into the
// state: a restart does not forget it.
func (d *decision) watchFails() (why string) {
	d.some(func() bool {
		its := d.unwell()
		if why == "" && its != "" {
			if why = its; len(d.workloads) > 1 {
				why += ", of " + d.workload
			}
		}
		return false // each is looked at: since when goes into the state
	})
	return why
}

// unwell is watchFails for a workload.
func (d *decision) unwell() (why string) {
	if !d.has(d.next.Stable) {
		return ""
	}
	w, its, slot := d.next.Warm, d.watched(), d.slot(d.next.Stable)
	// A new size, or an autoscaler's, makes nobody unwell.
	size := min(its.Size, slot.Desired)
	clock := d.obs.At // which stands still while a commit is held or paused: the watch goes on
	if !d.next.PausedAt.IsZero() {
		clock = d.next.PausedAt
	}
	ready := slot.Ready + slot.Foreign // what a hand made them run is put back, and says nothing of the revision
	least := d.expectedWarm(size, ready, clock)
	watched := clock.Before(w.WatchUntil)
	crashed, again := int32(0), int32(0)
	for _, crash := range slot.Crashed {
		if crash.At.After(w.Since) { // what crashed only before it was promoted is well now
			crashed++
			if crash.Again {
				again++
			}
		}
	}
	switch {
	case watched && again > 0 && 2*again >= size:
		return "half of its pods crash again and again after the promotion"
	case watched && 2*crashed > size:
		return "most of its pods crashed after the promotion"
	case watched && ready == 0 && d.slot(&w.Old).Ready > 0 && least > 0:
		return "none of its pods is ready after the promotion"
	case !watched && its.UnwellSince.IsZero():
		return ""
	case 2*ready >= least:
		its.UnwellSince = time.Time{}
		return ""
	}
	if its.UnwellSince.IsZero() {
		its.UnwellSince = d.obs.At
	}
	end := its.UnwellSince.Add(unwell)
	d.lookAt(end)
	if d.obs.At.Before(end) {
		return ""
	}
	return fmt.Sprintf("fewer than half of its pods were ready for %s after the promotion", unwell)
}

// watched is what the watch knows of a workload.
func (d *decision) watched() *Watched {
	w := d.next.Warm
	if w.Watched == nil {
		w.Watched = map[string]*Watched{}
	}
	if w.Watched[d.workload] == nil {
		size := d.slot(d.next.Stable).Desired
		w.Watched[d.workload] = &Watched{Size: size, Least: size}
	}
	return w.Watched[d.workload]
}
