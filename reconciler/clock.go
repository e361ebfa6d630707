package reconciler

import "time"

// slack is how far the two clocks of a machine may go apart before that is a jump: a wall
// clock that is brought to the right time goes a little faster or slower for a while.
const slack = time.Second

// A machine has two clocks. The one on the wall is what people and calendars go by; it may
// be set, by hand or by NTP, or be found an hour behind when a machine wakes up. The other
// only counts, and never jumps. What a process waits for by itself goes by the second; what
// the state counts from is in times of the first, for another process to go on with, and so
// these times are moved when that jumps (strategies.State.Moved).

// steady is the time by the clock that only counts. It is the wall's when this process began
// to act, and says nothing to another process.
func (r *Reconciler) steady() time.Time { return r.began.Add(r.Elapsed()) }

// begin has the steady clock show what the wall's does.
func (r *Reconciler) begin() { r.began = r.Now().Round(0).Add(-r.Elapsed()) }

// off is how far the wall's clock is ahead of the steady one.
func (r *Reconciler) off() time.Duration { return r.Now().Round(0).Sub(r.steady()) }

// look gives the moment of a pass: of the clock that the state's moments are of while the
// wall's is within a second of it, so that a clock which is brought to the right time by
// and by shortens nothing and moves nothing; else of the wall's, and how far that jumped.
//
// How far it jumped since the moments were moved last follows from Moved in the record that
// they are in. So if we die after the record, the jump is in it; if we die before, nobody
// knows of it any more. A record that was not written, or whose answer was lost, loses no
// jump, and moves nothing twice.
func (r *Reconciler) look(t *turn) (at time.Time, jumped time.Duration) {
	m, moved := t.memory, t.record.State.Moved
	off := r.off()
	switch own := m.recorded(t.record); {
	case !t.record.Found: // what is rebuilt counts from now
		m.ahead, m.moved = off, moved
	case !m.looked:
		m.moved = moved // and of the clock as it was when we began to act
	case !own && m.moved != moved: // somebody else moved it, by a clock as ours is now
		m.ahead, m.moved = off, moved
	}
	m.looked = true
	ahead := m.ahead + moved - m.moved
	if jumped = (off - ahead).Truncate(time.Microsecond); jumped.Abs() > slack {
		ahead = off
	} else {
		jumped = 0
	}
	t.at = r.steady()
	return t.at.Add(ahead).UTC().Truncate(time.Microsecond), jumped
}

// heedClock wakes all rollouts when the wall's clock has jumped, for what waits for a window
// may be due now. Everything else that is waited for is waited for by the steady clock.
func (r *Reconciler) heedClock() {
	if off := r.off(); (off - r.told).Abs() > slack {
		r.told = off
		r.wake("")
	}
}
