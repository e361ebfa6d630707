package strategies

import (
	"time"
)

// rest: stable serves, and nothing is in flight. A new wanted revision starts a
// rollout; the same one gets its shared objects and its size at once (SPEC 2.2, 2.3).
func (d *decision) rest() []Action {
	stable := d.next.Stable
	d.next.Step, d.next.StepAt, d.next.Asked, d.next.Live = 0, time.Time{}, 0, 0
	d.next.ProgressAt, d.next.Cap = time.Time{}, nil
	d.next.PreviewAt, d.next.Returns, d.next.Reruns, d.next.Word = time.Time{}, false, 0, ""
	d.next.Fencing = false
	if d.every(func() bool { return d.in(stable.Color.Other()).Desired == 0 }) {
		d.next.SwitchedAt, d.next.Spare = time.Time{}, nil
	}
	if d.wanted != stable.Revision {
		r := d.next.rejected(d.wanted)
		if r == nil {
			return d.start()
		}
		if !d.orders.retry || d.obs.Wanted == nil {
			return d.keepRejected(r)
		}
		d.next.Rejected = nil // once more, from the first step (SPEC 4.6)
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
		return []Action{Apply{All: true, Pin: Only(stable.Color), Previews: Only(stable.Color), Stamp: d.stamp()}}
	}
	if len(d.obs.Leftover) > 0 {
		return []Action{Prune{}}
	}
	return nil
}

// retell tells again what was told before a hold that is over, where no commit was read since.
func (d *decision) retell() {
	if t := d.next.Told; t != nil {
		d.say(t.Phase, t.Reason, "%s", t.Message)
		d.next.Told = nil
	}
}

// keepRejected: Git still asks for a revision that may not run.
func (d *decision) keepRejected(r *Rejection) []Action {
	if d.gone(d.next.Stable) {
		d.say(Degraded, Rejected, "%s is rejected, and the Deployment of stable %s is gone: %s", r.Revision, d.next.Stable.Revision, d.next.Stable.again())
		return d.steady()
	}
	reason, word := Rejected, "rejected"
	if d.orders.abort || d.spec.Intents.Abort != "" && d.names(d.spec.Intents.Abort) {
		reason, word = Aborted, "aborted"
	}
	d.say(Degraded, reason, "%s is %s, %s serves: %s", r.Revision, word, d.next.Stable.Revision, r.Reason)
	if kept := d.next.Spare; kept != nil && kept.Until == nil {
		// Connections that are kept open still reach them (K18).
		d.next.Message += "; its pods stay until the next revision (abortScaleDownDelaySeconds: 0)"
	}
	if acts := d.steady(); acts != nil {
		return acts
	}
	return d.repairStable()
}

// hold keeps everything as it is (SPEC 6.9). Users are still kept on the one colour
// that serves between rollouts.
func (d *decision) hold() []Action {
	d.witness()
	if d.obs.Unread && d.next.Told == nil && d.was.Reason != Held {
		d.next.Told = &Told{d.was.Phase, d.was.Reason, d.was.Message}
	}
	d.say(Degraded, Held, "%s", d.obs.Held)
	if acts := d.steady(); acts != nil || d.next.Stable == nil || d.next.Candidate != nil {
		return acts
	}
	return d.mendStable()
}

// pause keeps everything as it is because the author says so (SPEC 4.7).
func (d *decision) pause() []Action {
	if d.next.Stable != nil {
		d.keepsSizes = true // a new size waits too, and nobody is missed for it
		d.look(d.workload)
	}
	d.witness()
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
	if acts := d.steady(); acts != nil || d.next.Stable == nil || d.next.Candidate != nil {
		return acts
	}
	return d.mendStable()
}
