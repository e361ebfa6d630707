package strategies

// steady repairs drift where nothing moves: a Service that is gone is made again, and
// the Services select what was recorded, never more of the candidate (SPEC 4.7, 5.8).
func (d *decision) steady() []Action {
	if d.next.Stable == nil {
		return nil
	}
	for _, t := range []*Track{d.next.Candidate, d.next.Stable} {
		if t == nil {
			continue
		}
		edited := func() []Action {
			if !d.slot(t).Edited {
				return nil
			}
			return d.templates(t)
		}
		if acts := d.all(edited); acts != nil {
			return acts
		}
	}
	if acts := d.restores(); acts != nil {
		return acts
	}
	if acts := d.unrouted(); acts != nil {
		return acts
	}
	if d.onItsWay() {
		return nil
	}
	to := d.recorded()
	if c := d.next.Candidate; c != nil {
		switch sel := d.selection(to); {
		case to == BothColors && (sel == Something || sel == Only(c.Color)), to == Only(c.Color) && sel == Something:
			return []Action{Select{To: to, Stamp: d.stamp()}}
		case (d.cameTo() == 0 || d.spec.carried()) && d.every(d.suffices):
			// Nobody should be on the candidate yet, and stable can take all. A switch that was
			// under way is made again when it goes on.
		default:
			return nil
		}
	}
	if d.selection(to) != to && d.answered(d.next.Stable) {
		return []Action{Select{To: to, Stamp: d.stamp()}}
	}
	return nil
}

// witness takes over what users get where a rollout is stopped on its way: nothing that moves
// says it now (SPEC 6.6). By ratio it is the share that the candidate came to: that its pods crash
// again and again is not told each time (SPEC 7.4).
func (d *decision) witness() {
	c, s := d.next.Candidate, d.next.Stable
	switch {
	case c == nil || s == nil:
	case d.spec.BlueGreen != nil:
		d.next.Live, d.next.Switching = d.observedWeight(), false
	case d.spec.Canary.routed(): // its Services are where the router's users are
		d.next.Live = d.observedWeight()
	case d.onItsWay():
		live := d.next.Live
		switch d.selection(BothColors) {
		case Only(s.Color):
			live = 0
		case BothColors:
			falls, told := d.next.Asked < d.next.Live, !d.was.PausedAt.IsZero()
			switch live = share(d.slot(c).sure(), d.slot(s).Desired); {
			case falls: // what stable is asked for is still to come
				live = min(share(d.slot(c).sure(), d.slot(s).sure()), d.next.Live)
			case told && d.next.Live < 100:
				live = max(live, d.next.Live)
			}
		case Only(c.Color):
			live = 100
		}
		if d.next.Live <= d.next.Asked { // a share that was rounded up is none that falls
			live = min(live, d.next.Asked)
		}
		d.next.Live = live
	}
}

// restores makes Services again that were recorded and are gone, as the wanted release
// has them; what a held release says is not written (SPEC 6.9). They select what was
// live.
func (d *decision) restores() []Action {
	if !d.obs.Gone || d.obs.Wanted == nil || d.obs.Held != "" {
		return nil
	}
	previews := BothColors
	if c := d.next.Candidate; c != nil {
		previews = Only(c.Color)
	}
	return []Action{Apply{Services: true, Pin: d.recorded(), Previews: previews, Stamp: d.stamp()}}
}

// recorded is what the Services select by the weight that was live last.
func (d *decision) recorded() Selection {
	c, s := d.next.Candidate, d.next.Stable
	weight := d.cameTo()
	switch {
	case c == nil:
		return Only(s.Color)
	case d.next.Back != nil && !d.every(d.takesAll) && d.answered(c) && (d.next.Live > 0 || !d.spec.carried()):
		if !d.answered(s) || d.spec.carried() {
			return Only(c.Color) // capacity first: nobody is there to go back to yet
		}
		return BothColors
	case d.next.Back != nil:
		return Only(s.Color)
	case d.next.Switching:
		return Only(c.Color)
	case d.spec.carried():
		return Only(s.Color)
	case d.onItsWay() && len(d.services()) > 0:
		return d.selection(Something)
	case weight == 0 && d.next.Asked > 0 && !d.every(d.suffices) && d.answered(c):
		return BothColors // on the way up stable has given up pods already: they were shared
	case weight == 0:
		return Only(s.Color)
	case weight >= 100 && (d.answered(c) || !d.answered(s)):
		return Only(c.Color)
	}
	return BothColors
}

// cameTo is the weight that drift is put back to. Services that are apart since a fall of it do not
// rise again: it is what they fall to (SPEC 6.4).
func (d *decision) cameTo() int {
	if d.selection(Something) == Something {
		return min(d.next.Live, d.next.Asked)
	}
	return d.next.Live
}

// onItsWay tells that a canary by ratio is between the weight that was live last and the one that
// was asked for since, and that the Services select what it comes to there, all the same. What stops
// it leaves it so: to take it back would be one move more, and another when it goes on.
func (d *decision) onItsWay() bool {
	c, s := d.next.Candidate, d.next.Stable
	steps, low, high := d.steps(), min(d.next.Asked, d.next.Live), max(d.next.Asked, d.next.Live)
	allGone := len(d.obs.Services) > 0 && len(d.services()) == 0 // nobody knows what they selected
	if c == nil || s == nil || d.spec.carried() || d.next.Back != nil || high == 0 || allGone ||
		!d.next.StepAt.IsZero() || d.next.Step <= len(steps) && steps[d.next.Step-1].SetWeight == nil {
		return false
	}
	selects := d.selection(Something)
	return len(d.services()) == 0 || d.every(func() bool {
		surge, _ := d.spec.budget(d.n)
		all, none := split(d.n, high, surge > 0)
		switch candidate := d.slot(c); selects {
		case Only(s.Color):
			return low == 0 && d.suffices()
		case BothColors:
			return candidate.sure() > 0 || !d.has(c)
		case Only(c.Color): // a hand may have moved users there before the candidate could take them
			return !d.has(c) || none == 0 && candidate.sure() >= d.least() && candidate.Desired >= all
		}
		return false
	})
}

// suffices tells that a workload of stable has as many pods ready as users may be left with.
func (d *decision) suffices() bool {
	return !d.has(d.next.Stable) || d.slot(d.next.Stable).sure() >= d.least()
}

// revives brings a Deployment back whose ReplicaSet a hand deleted: while it is paused its
// controller makes none. One whose template a hand changed is left alone, as that would
// run (SPEC 5.4).
func (d *decision) revives(t *Track) []Action {
	slot := d.slot(t)
	if !slot.Exists || slot.Deleting || slot.Started || !slot.Paused || slot.Edited {
		return nil
	}
	return []Action{Revive{d.workload, t.Color, d.stamp()}}
}

// repairStable brings the serving colour to the size Git asks for, mends it, and empties
// the other colour.
func (d *decision) repairStable() []Action {
	if acts := d.all(d.repairs); acts != nil || d.orders.paused || d.some(d.mended) || d.spared(d.next.Stable.Color.Other()) {
		return acts
	}
	return d.settlePreviews()
}

// mended tells that a workload of stable is still to be mended.
func (d *decision) mended() bool { return d.has(d.next.Stable) && d.ails(d.slot(d.next.Stable)) }

// repairs is repairStable for a workload.
func (d *decision) repairs() []Action {
	stable := d.next.Stable
	slot, other := d.slot(stable), d.in(stable.Color.Other())
	resizing := d.resizing() && !d.orders.paused // SPEC 4.7
	if resizing {
		d.heedSize()
	}
	if slot.Exists && slot.Desired == d.n || !d.has(stable) {
		d.resized()
	}
	switch {
	case resizing && slot.Started && slot.Desired != d.n:
		return []Action{Scale{Workload: d.workload, Color: stable.Color, Count: d.n, Stamp: d.stampOf(stable)}}
	case slot.Starved && slot.Pods < slot.Desired && other.Exists && !other.Deleting && other.Desired > 0 && !d.orders.paused && d.left(stable.Color.Other(), stable.Color):
		// Its pods have the quota that stable lacks: they are not kept for anybody to look at.
		return []Action{Scale{Workload: d.workload, Color: stable.Color.Other(), Count: 0, Stamp: d.stampOf(stable)}}
	case d.has(stable) && d.ails(slot):
		return d.mends()
	case d.spared(stable.Color.Other()):
		return nil // people look at what went wrong
	case other.Exists && !other.Deleting && other.Desired > 0 && !d.orders.paused && d.left(stable.Color.Other(), stable.Color):
		return []Action{Scale{Workload: d.workload, Color: stable.Color.Other(), Count: 0, Stamp: d.stampOf(stable)}}
	}
	return nil
}

// ails tells that a serving colour needs to be mended.
func (d *decision) ails(slot Slot) bool {
	return !slot.Exists || slot.Deleting || !slot.Started || slot.Desired == 0 && d.n > 0 || !slot.Paused || slot.Edited || slot.Foreign > 0 || slot.Starved && slot.Pods < slot.Desired
}

// mendStable puts back what a hand did to the serving colour, and wakes it where quota made
// it sleep.
func (d *decision) mendStable() []Action { return d.all(d.mends) }

// mends is mendStable for a workload.
func (d *decision) mends() []Action {
	stable := d.next.Stable
	slot, stamp := d.slot(stable), d.stampOf(stable)
	switch {
	case !d.has(stable), !d.ails(slot), slot.Deleting:
		return nil // one that is being deleted must go first (SPEC 6.8)
	case !slot.Exists && d.obs.Wanted != nil && d.wanted == stable.Revision:
		// The same revision: it need not wait until its old pods are gone.
		return []Action{Create{Workload: d.workload, Color: stable.Color, Stamp: stamp}}
	case !slot.Exists || !slot.Started:
		return d.revives(stable)
	case slot.Desired == 0 && d.n > 0:
		return []Action{Scale{Workload: d.workload, Color: stable.Color, Count: d.n, Stamp: stamp}}
	case slot.Edited || slot.Foreign > 0:
		return d.templates(stable)
	case !slot.Paused: // SPEC 5.4
		return []Action{Scale{Workload: d.workload, Color: stable.Color, Count: slot.Desired, Stamp: stamp}}
	}
	return d.wakes(stable)
}

// wakes tries now and then whether quota has room again for a ReplicaSet that it refused:
// by itself it would sleep for minutes (K30).
func (d *decision) wakes(t *Track) []Action {
	slot := d.slot(t)
	if !slot.Starved || slot.Pods >= slot.Desired {
		return nil
	}
	// That it was touched in the future says a clock that was set back since.
	if again := slot.TouchedAt.Add(wakeSeldom); d.obs.At.Before(again) && !slot.TouchedAt.After(d.obs.At) {
		d.lookAt(again)
		return nil
	}
	d.lookAt(d.obs.At.Add(wakeSeldom))
	return []Action{Touch{d.workload, t.Color, d.obs.At}}
}

// stampOf is a stamp of a revision that nothing is tried for.
func (d *decision) stampOf(t *Track) Stamp {
	s := d.stamp()
	s.Revision = t.Revision
	return s
}
