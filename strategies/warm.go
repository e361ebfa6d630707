package strategies

import "time"

// warm: a revision was promoted. The old colour stays for a while and the new one is
// watched (SPEC 5.15, 5.16); then the old one goes to 0 and the rollout is Healthy.
func (d *decision) warm() []Action {
	w, stable := d.next.Warm, d.next.Stable
	d.next.Replicas = d.n
	newer := d.obs.Wanted != nil && d.wanted != stable.Revision && d.next.rejected(d.wanted) == nil
	old := d.slot(&w.Old)
	switch {
	case newer && d.obs.At.Before(w.WatchUntil):
		d.say(Progressing, Queued, "%s is stable; %s is queued behind its watch until %s", stable.Revision, d.wanted, clock(w.WatchUntil))
		d.until(w.WatchUntil)
	case newer:
		d.next.Warm = nil // it takes the warm slot; the way back ends here
		return d.rest()
	default:
		d.say(Progressing, Watching, "%s is stable, watched until %s; %s stays warm until %s",
			stable.Revision, clock(w.WatchUntil), w.Old.Revision, clock(w.Until))
		d.until(w.Until)
	}
	if acts := d.steady(); acts != nil {
		return acts
	}
	if !newer && d.obs.Changed {
		// What routes follows the Services (SPEC 5.18); they are in force.
		return []Action{Apply{All: true, Pin: Only(stable.Color), Stamp: d.stamp()}}
	}
	if d.obs.At.Before(w.Until) {
		return nil
	}
	if old.Exists && !old.Deleting && old.Desired > 0 {
		if !d.inForce(stable.Color) {
			return nil
		}
		return []Action{Scale{w.Old.Color, 0, d.stamp()}}
	}
	d.next.Warm = nil
	return d.rest()
}

// watchFails: fewer than half of the promoted revision's pods were ready for some time
// (SPEC 5.16). Since when goes into the state: a restart does not forget it.
func (d *decision) watchFails() bool {
	w := d.next.Warm
	if !d.obs.At.Before(w.WatchUntil) && w.UnwellSince.IsZero() {
		return false
	}
	if slot := d.slot(d.next.Stable); 2*slot.Ready >= d.n {
		w.UnwellSince = time.Time{}
		return false
	}
	if w.UnwellSince.IsZero() {
		w.UnwellSince = d.obs.At
	}
	end := w.UnwellSince.Add(unwell)
	d.lookAt(end)
	return !d.obs.At.Before(end)
}
