package simulated

import (
	"errors"
	"time"
)

// Turn lets the agent look once, and do what that decision says. It reports whether
// anything was written.
func (p *Play) Turn() (wrote bool, err error) {
	p.World.settle()
	if p.Tell != nil {
		p.moved()
	}
	p.judge()
	if p.stopped != nil {
		return false, p.stopped
	}
	wrote, p.recheck = p.turn()
	if wrote {
		p.recheck = time.Time{} // it looks again at once
	} else if !p.recheck.IsZero() && !p.recheck.After(p.World.Now) {
		p.Stop(errAtOnce)
	}
	p.World.settle()
	return wrote, p.stopped
}

// Tick moves the clock to the next moment at which something happens by itself, or at which
// the agent wants to look again that found nothing to do in the turn before. It reports
// whether there is one.
func (p *Play) Tick() bool {
	p.World.settle()
	next := p.World.next()
	if judged := p.judge(); !judged.IsZero() && (next.IsZero() || judged.Before(next)) {
		next = judged
	}
	if !p.recheck.IsZero() && (next.IsZero() || p.recheck.Before(next)) {
		next = p.recheck
	}
	if p.recheck = (time.Time{}); next.IsZero() {
		return false
	}
	p.World.Now = next
	p.World.settle()
	if p.Tell != nil {
		p.moved()
	}
	return true
}

// errAtOnce: an agent that wants that would never let go of a processor.
var errAtOnce = errors.New("it wants to look again at once, though nothing changed")
