package strategies

import "time"

// jumped is the state by a clock that was set, or that a machine found wrong when it woke
// up: each moment that something counts from, or until, moves with the clock, so that what
// is left of a pause, a drain or a deadline stays what it was (SPEC 4.7, 5.11, 5.23). Windows
// are asked by the clock as it is (SPEC 3.5), and what only tells when something happened
// stays as it was told.
func (s State) jumped(by time.Duration) State {
	if by == 0 {
		return s
	}
	move := func(moments ...*time.Time) {
		for _, t := range moments {
			if !t.IsZero() {
				*t = t.Add(by)
			}
		}
	}
	s.Moved += by
	move(&s.StepAt, &s.PreviewAt, &s.ProgressAt, &s.SwitchedAt, &s.RoutedAt, &s.OverlapAt, &s.PartialAt, &s.PausedAt, &s.UnreadAt)
	if s.Warm != nil {
		w := *s.Warm
		w.Watched = copies(w.Watched)
		move(&w.Drained, &w.WatchUntil, &w.Until)
		for _, one := range w.Watched {
			move(&one.UnwellSince, &one.RaisedAt)
		}
		s.Warm = &w
	}
	if s.Back != nil {
		b := *s.Back
		b.Swaps = copies(b.Swaps)
		for _, one := range b.Swaps {
			move(&one.WokenAt)
		}
		s.Back = &b
	}
	if s.Spare != nil && s.Spare.Until != nil {
		spare, until := *s.Spare, s.Spare.Until.Add(by)
		spare.Until = &until
		s.Spare = &spare
	}
	return s
}

// unheard is the state of a predecessor whose clock was ahead of ours, or was set back when it
// did not live to record that: nothing begins later than now. So what is waited for may be
// waited for anew, and never for longer than that.
func (d *decision) unheard() {
	cut := func(most time.Time, moments ...*time.Time) {
		for _, t := range moments {
			if t.After(most) {
				*t = most
			}
		}
	}
	at, s := d.obs.At, &d.next
	cut(at, &s.StepAt, &s.PreviewAt, &s.ProgressAt, &s.SwitchedAt, &s.RoutedAt, &s.OverlapAt, &s.PartialAt, &s.PausedAt, &s.UnreadAt)
	if s.Warm != nil {
		for _, one := range s.Warm.Watched {
			cut(at, &one.UnwellSince, &one.RaisedAt)
		}
		cut(at.Add(drain), &s.Warm.Drained)
		cut(at.Add(d.spec.WarmWatch), &s.Warm.WatchUntil)
		cut(at.Add(d.spec.warmFor()), &s.Warm.Until)
	}
	if s.Back != nil {
		for _, one := range s.Back.Swaps {
			cut(at, &one.WokenAt)
		}
	}
	if s.Spare != nil && s.Spare.Until != nil {
		spare, until := *s.Spare, *s.Spare.Until
		cut(at.Add(d.spec.abortDelay()), &until)
		spare.Until = &until
		s.Spare = &spare
	}
}
