package simulated

import (
	"fmt"
	"slices"
	"time"

	"github.com/kexal/kexal/strategies"
)

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

// A Failure is one write of the next decision that fails, of an agent that lives on: it sees
// what came of it when it looks again. On the way forward that ends the turn; on the way back
// to stable what is left is done all the same (SPEC 5.17).
type Failure struct {
	Write    int  // 0 = the record, from 1 = an action
	Happened bool // it was done, and only the answer was lost
}

func (f Failure) String() string {
	what := "the record"
	if f.Write > 0 {
		what = fmt.Sprintf("write %d", f.Write)
	}
	if f.Happened {
		return "the answer to " + what + " is lost"
	}
	return what + " fails"
}

// spares is what is done of a plan all the same.
func (f Failure) spares(plan strategies.Plan) (records bool, made []strategies.Action) {
	switch before := min(max(f.Write-1, 0), len(plan.Actions)); {
	case f.Write == 0 && plan.ActFirst:
		return f.Happened, plan.Actions
	case f.Write == 0:
		return f.Happened, nil
	case f.Happened && plan.ActFirst:
		return true, plan.Actions
	case f.Happened:
		return true, plan.Actions[:min(f.Write, len(plan.Actions))]
	case plan.ActFirst:
		return true, slices.Delete(slices.Clone(plan.Actions), before, min(f.Write, len(plan.Actions)))
	default:
		return true, plan.Actions[:before]
	}
}

// Fail lets a write of the next decision fail that does something.
func (p *Play) Fail(f Failure) { p.failure = &f }

// Die lets the agent die there.
func (p *Play) Die(d Death) { p.death = &d }

// Restart lets another agent take over between two decisions, when nobody acted for a while.
func (p *Play) Restart(away time.Duration) {
	p.forget()
	p.World.Now, p.away = p.World.Now.Add(away), away
}

// dies tells where the agent dies in the decision that was counted last; nil = it lives.
func (p *Play) dies() *Death {
	d := p.death
	if d == nil || d.Decision != 0 && d.Decision != p.Decisions {
		return nil
	}
	p.death = nil
	return d
}
