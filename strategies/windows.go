package strategies

import (
	"cmp"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// What a window may be.
const (
	maxWindows = 50
	maxWindow  = 31 * 24 * time.Hour // how long one may stay
)

// closed tells whether the windows hold back the weight at a moment: inside a freeze, or
// outside all that allow when there are such (SPEC 3.5). opens is then the first moment at
// which they do not any more; zero when none comes within a year, and when they are open.
//
// A window has its first moment and not its last: one that ends when another begins leaves
// no gap, and none belongs to both.
func closed(windows []Window, at time.Time) (shut bool, opens time.Time) {
	var freezes, allows []*cycle
	for _, w := range windows {
		if c := w.cycle(); w.Freeze {
			freezes = append(freezes, c)
		} else {
			allows = append(allows, c)
		}
	}
	t := at
	for range maxLeaps / max(1, len(windows)) {
		next := leap(freezes, allows, t)
		switch {
		case next.Equal(at):
			return false, time.Time{}
		case next.Equal(t):
			return true, t.UTC()
		case next.IsZero() || next.After(at.AddDate(1, 0, 0)):
			return true, time.Time{}
		}
		t = next
	}
	return true, time.Time{}
}

// maxLeaps bounds how much a decision costs, a tenth of a second at most: an opening behind
// thousands of windows that follow each other without a gap is not seen until it is nearer.
const maxLeaps = 20_000

// leap is t itself when the windows are open then; else a later moment before which they
// are surely closed, or zero when they never open.
func leap(freezes, allows []*cycle, t time.Time) time.Time {
	frozen := t
	for _, c := range freezes {
		if c.broken != nil {
			return time.Time{} // nobody can say when it would be over
		}
		if began, in := c.covers(t); in && began.Add(c.stays).After(frozen) {
			frozen = began.Add(c.stays)
		}
	}
	if frozen.After(t) || len(allows) == 0 {
		return frozen
	}
	var soonest time.Time
	for _, c := range allows {
		if c.broken != nil {
			continue
		}
		if _, in := c.covers(t); in {
			return t
		}
		if s := c.after(t); !s.IsZero() && (soonest.IsZero() || s.Before(soonest)) {
			soonest = s
		}
	}
	return soonest
}

// A cycle is a window that was read: its beginnings, and how long it stays.
type cycle struct {
	schedule cron.Schedule
	zone     *time.Location
	stays    time.Duration
	broken   error // why it could not be read: such a window never allows, and always freezes
}

// cycles remembers the windows that were read, since one is asked about at every decision
// and a time zone comes from a file. A window's fields are all that goes in, so nobody can
// tell the remembered answer from a new one: functions that ask stay pure.
var cycles sync.Map // of Window: *cycle

func (w Window) cycle() *cycle {
	if known, ok := cycles.Load(w); ok {
		return known.(*cycle)
	}
	c := &cycle{stays: w.Duration}
	if c.schedule, c.broken = schedule(w.Schedule); c.broken == nil {
		c.zone, c.broken = zone(w.TimeZone)
	}
	if c.broken == nil { // what could not be read may be readable to a later version
		cycles.Store(w, c)
	}
	return c
}

var fiveFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// schedule reads five fields of cron, and nothing else that the parser knows.
func schedule(text string) (cron.Schedule, error) {
	if strings.Contains(text, "=") { // the parser takes CRON_TZ=, and stumbles over half of it
		return nil, errors.New("a time zone goes into timeZone")
	}
	s, err := fiveFields.Parse(text)
	if err == nil && s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("no such day comes")
	}
	return s, err
}

// zone finds a time zone by its name. The host's own is not one: it is not the same
// everywhere.
func zone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, errors.New("Local is another one on every machine")
	}
	return time.LoadLocation(cmp.Or(name, "UTC"))
}

// covers tells whether the window is open at t, and when it began: the last time, when it
// begins anew before it ends.
func (c *cycle) covers(t time.Time) (began time.Time, in bool) {
	early, late := t.Add(-c.stays), t // it began after early, or not at all; never after late
	began = c.after(early)
	if began.IsZero() || began.After(t) {
		return time.Time{}, false
	}
	for late.Sub(early) > time.Minute {
		middle := early.Add(late.Sub(early) / 2)
		if s := c.after(middle); s.IsZero() || s.After(t) {
			late = middle
		} else {
			early, began = middle, s
		}
	}
	for s := c.after(began); !s.IsZero() && !s.After(t); s = c.after(s) {
		began = s
	}
	return began, true
}

// after is the window's first beginning after t; zero when none comes within some years.
//
// Asked in a time zone, the parser's Next leaves out what the clocks jump over in spring (a
// freeze would not begin that night) and in zones that move by half an hour more than
// that. So it is asked in UTC, as if the wall clock there were the zone's, for each stretch
// between two changes of the clocks. Then a time that does not exist begins where the clocks
// jump, and one that comes twice begins twice: from 02:30 for an hour stays, on that night in
// autumn, until the wall clock says 03:30 for good.
func (c *cycle) after(t time.Time) time.Time {
	t = t.In(c.zone)
	from := t
	for {
		ahead := wall(from)
		s := c.schedule.Next(ahead)
		if s.IsZero() {
			return time.Time{}
		}
		_, change := from.ZoneBounds()
		start := from.Add(s.Sub(ahead))
		if change.IsZero() || start.Before(change) {
			return start
		}
		after := wall(change)
		jumped := s.Before(after)
		if jumped || c.schedule.Next(after.Add(-1)).Equal(after) {
			return change
		}
		from = change
	}
}

// wall is what the clock on the wall shows, as if that were UTC.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}
