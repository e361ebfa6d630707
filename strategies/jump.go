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
	move(&s.StepAt, &s.PreviewAt, &s.ProgressAt, &s.SwitchedAt, &s.RoutedAt, &s.OverlapAt, &s.PartialAt, &s.PausedAt)
	if s.Warm != nil {
		w := *s.Warm
		move(&w.Drained, &w.WatchUntil, &w.Until, &w.UnwellSince)
		s.Warm = &w
	}
	if s.Back != nil {
		b := *s.Back
		move(&b.WokenAt)
		s.Back = &b
	}
	if s.Spare != nil && s.Spare.Until != nil {
		spare, until := *s.Spare, s.Spare.Until.Add(by)
		spare.Until = &until
		s.Spare = &spare
	}
	return s
}
