package strategies

// first brings the first release up (SPEC 2.4): no steps and no gates; the Services
// select the one colour, and it is stable only when every pod is available. When it
// fails, the next revision goes to the other slot; the Services follow when that is
// available, then the first slot is emptied.
func (d *decision) first() []Action {
	if d.obs.Wanted == nil { // the mirror was not read since the agent started
		d.retell()
		if c := d.next.Candidate; c != nil && d.next.Reason == FirstRelease {
			d.say(Progressing, FirstRelease, "first release: %s goes on when the mirror can be read", c.Revision)
		}
		return nil
	}
	if c := d.next.Candidate; c == nil || c.Revision != d.wanted {
		d.next.Candidate = d.candidate(d.firstColor())
		d.next.ProgressAt, d.next.Switching = d.obs.At, false
	}
	c := d.next.Candidate
	d.some(func() bool { d.resized(); return false })
	told := d.next.Reason == Failed || d.next.Reason == FirstRelease && d.was.UnreadAt.IsZero()
	if !told || c.Revision != revisionOf(d.was.Candidate) {
		d.say(Progressing, FirstRelease, "first release: starting %s", c.Revision)
	}
	acts, settled := d.each(func() ([]Action, bool) { return d.occupy(c, d.firstPin()) })
	if acts != nil || !settled {
		return acts
	}
	to := Only(c.Color)
	if nobody := to.other(); d.gatedFirst() && len(d.services()) > 0 && d.selection(nobody) != nobody && !d.answers(c.Color.Other()) {
		return []Action{Select{To: nobody, Stamp: d.stamp()}} // a hand widened one, or the gate came later than it
	}
	acts, available := d.each(d.firstPods)
	switch {
	case acts != nil:
		return acts
	case !available:
		d.firstDeadline()
		return nil
	case d.gatedFirst() && !d.previewed(to): // a newer revision came to the gate
		return []Action{Preview{To: to, Stamp: d.stamp()}}
	case d.gatedFirst():
		if d.orders.gates == 0 && !d.orders.full {
			d.say(Paused, WaitingForPromote, "first release of %s is ready%s, paused: waiting for promote", c.Revision, d.wayIn())
			return nil
		}
		d.next.Switching = true
		return []Action{Select{To: to, Stamp: d.stamp()}}
	case d.selection(to) != to:
		return []Action{Select{To: to, Stamp: d.stamp()}}
	case !d.inForce(c.Color):
		return nil
	}
	d.next.Stable, d.next.Candidate, d.next.Switching = c, nil, false
	return d.rest()
}

// firstPods brings a workload of the first release to its size.
func (d *decision) firstPods() (acts []Action, available bool) {
	c := d.next.Candidate
	slot := d.slot(c)
	switch {
	case !d.has(c):
		return nil, true
	case slot.Desired != d.n || !slot.Paused:
		return []Action{Scale{Workload: d.workload, Color: c.Color, Count: d.n, Stamp: d.stamp()}}, false
	}
	d.lookAt(slot.NextAt)
	return nil, slot.sure() >= d.n
}

// gatedFirst tells that a first release waits for a person: only its previews lead to it
// (firstRelease: gated, SPEC 2.4). That the gate was passed goes into the record.
func (d *decision) gatedFirst() bool { return d.spec.FirstGated && !d.next.Switching }

// firstPin is what Services that do not exist yet select: the candidate, which nobody
// can reach before it is ready; behind a gate the colour that nobody is in.
func (d *decision) firstPin() Selection {
	if d.gatedFirst() {
		return Only(d.next.Candidate.Color.Other())
	}
	return Only(d.next.Candidate.Color)
}

// firstColor keeps off the slot that users reach, or that Services select already: an
// earlier revision that failed may still have pods that answer.
func (d *decision) firstColor() Color {
	for _, s := range d.obs.Services {
		for _, c := range []Color{Blue, Green} {
			if s.Endpoints[c] > 0 {
				return c.Other()
			}
		}
	}
	for _, s := range d.obs.Services {
		if s.Selects == OnlyBlue || s.Selects == OnlyGreen {
			return Color(s.Selects).Other()
		}
	}
	return Blue
}

// firstDeadline says that a first release fails; it may still recover, there is nothing
// to go back to.
func (d *decision) firstDeadline() {
	c := d.next.Candidate
	since, trouble := later(d.next.ProgressAt, d.readyAt(c)), d.trouble(c)
	end := since.Add(d.spec.ProgressDeadline)
	switch {
	case !d.obs.At.Before(end):
		d.say(Degraded, Failed, "first release of %s made no progress in %s%s", d.wanted, d.spec.ProgressDeadline, because(trouble))
	case trouble != "":
		d.say(Progressing, FirstRelease, "first release: starting %s%s", d.wanted, because(trouble))
		d.lookAt(end)
	default:
		d.lookAt(end)
	}
}

func because(trouble string) string {
	if trouble == "" {
		return ""
	}
	return ": " + trouble
}
