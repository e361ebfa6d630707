package simulated

import "fmt"

// A Death is where the agent dies in a decision that does something. Another takes over
// at once.
type Death struct {
	At       Place
	Acts     int // AfterActs: how many actions are made
	Decision int // which one, as [Play.Decisions] counts them; 0 = the next
}

// A Place is one between two writes of a decision.
type Place string

const (
	BeforeRecord Place = "before-record"
	AfterRecord  Place = "after-record"
	AfterActs    Place = "after-act"
)

func (d Death) String() string {
	if d.At == AfterActs {
		return fmt.Sprintf("%s=%d", d.At, d.Acts)
	}
	return string(d.At)
}

// Die lets the agent die there.
func (p *Play) Die(d Death) { p.death = &d }

// Restart lets another agent take over between two decisions.
func (p *Play) Restart() { p.epoch = 0 }

// dies tells where the agent dies in the decision that was counted last; nil = it lives.
func (p *Play) dies() *Death {
	d := p.death
	if d == nil || d.Decision != 0 && d.Decision != p.Decisions {
		return nil
	}
	p.death = nil
	return d
}
