package strategies

import (
	"fmt"
	"time"
)

// A Plan is a decision: what to record, what to do, in which order, and when to look
// again. The reason is Next's Phase, Reason and Message.
type Plan struct {
	Next State
	// Record Next BEFORE the actions, so that after a crash the agent knows what it
	// meant to do; only when ActFirst, act BEFORE the record: users must leave a failed
	// candidate even while the record cannot be written (SPEC 6.4). The actions of such
	// a plan are tried independently of each other.
	ActFirst bool
	Actions  []Action
	// Runs are the analyses and experiments that are to be under way; one that is not
	// named any more ends. To name one again is to do nothing.
	Runs    []RunOrder
	Recheck time.Time // zero = when something changes
}

// A RunOrder is one run that is wanted.
type RunOrder struct {
	Key        string // REVISION/ATTEMPT/WHERE-DIGEST, and /N when it is made for the Nth time
	Analysis   *Analysis
	Experiment *Experiment
}

// An Action is one effect. Each is idempotent and fenced by what was observed, and is
// confirmed by a new observation before the next.
type Action interface {
	fmt.Stringer
	action()
}

// A Stamp goes into the write that moves: who asked for it (SPEC 6.3).
type Stamp struct {
	Revision string
	Step     int
	Epoch    int64
	Aborted  string // REVISION/ATTEMPT; empty takes the mark off
}

type (
	// Create makes the Deployment of the wanted release in a free slot, with no pods.
	Create struct {
		Workload string // its Deployment in Git
		Color    Color
		Stamp    Stamp
	}
	// Scale sets a slot's count and pauses its Deployment in the same write.
	Scale struct {
		Workload string // its Deployment in Git
		Color    Color
		Count    int32
		Stamp    Stamp
	}
	// Select moves every Service of the rollout that does not select To yet. What the
	// revision of a single colour brings for the Service goes into the same write.
	Select struct {
		To      Selection
		Overlap bool // those that overlap select both colours for now
		Prime   bool // ask the server about all, widen a preview, and a moment later switch them together (SPEC 5.10, 6.7)
		Stamp   Stamp
	}
	// Preview moves every preview that does not select To yet, or differs from the wanted
	// release.
	Preview struct {
		To    Selection
		Stamp Stamp
	}
	// Route asks the router for a weight of the candidate, in percent.
	Route struct {
		Weight int
		Stamp  Stamp
	}
	// Mark stamps all traffic objects and slots and changes nothing else.
	Mark struct{ Stamp Stamp }
	// Delete removes a slot's Deployment, which has no pods that serve.
	Delete struct {
		Workload string // its Deployment in Git
		Color    Color
	}
	// Apply writes the shared objects of the wanted release: those that are not there
	// yet, or every one that differs.
	Apply struct {
		All      bool
		Services bool      // only Services that were recorded and are gone
		Pin      Selection // what a new Service selects
		Previews Selection // what a new preview selects
		Stamp    Stamp
	}
	// Prune deletes what is left over: it was made, and nobody wants it.
	Prune struct{}
	// Revive unpauses a Deployment whose ReplicaSet is gone, so that its controller makes
	// it again; the next decision pauses it.
	Revive struct {
		Workload string // its Deployment in Git
		Color    Color
		Stamp    Stamp
	}
	// Restore puts the template of a paused Deployment back as its ReplicaSet has it: a hand
	// changed it.
	Restore struct {
		Workload string // its Deployment in Git
		Color    Color
		Stamp    Stamp
	}
	// Touch wakes a slot's ReplicaSet that sleeps after a refusal (K30).
	Touch struct {
		Workload string // its Deployment in Git
		Color    Color
		At       time.Time
	}
)

func (Create) action()  {}
func (Scale) action()   {}
func (Select) action()  {}
func (Preview) action() {}
func (Route) action()   {}
func (Mark) action()    {}
func (Delete) action()  {}
func (Apply) action()   {}
func (Prune) action()   {}
func (Revive) action()  {}
func (Restore) action() {}
func (Touch) action()   {}

func (a Create) String() string {
	return fmt.Sprintf("create %s-%s for %s", a.Workload, a.Color, a.Stamp.Revision)
}
func (a Scale) String() string { return fmt.Sprintf("scale %s-%s to %d", a.Workload, a.Color, a.Count) }
func (a Select) String() string {
	s := fmt.Sprintf("select %s", a.To)
	if a.Overlap {
		s += ", with overlap"
	}
	if a.Prime {
		s = "ask, widen a preview, then " + s
	}
	return s
}
func (a Preview) String() string { return fmt.Sprintf("preview %s", a.To) }
func (a Route) String() string   { return fmt.Sprintf("route %d%%", a.Weight) }
func (a Mark) String() string {
	if a.Stamp.Aborted != "" {
		return "mark aborted " + a.Stamp.Aborted
	}
	return fmt.Sprintf("mark epoch %d", a.Stamp.Epoch)
}
func (a Delete) String() string { return fmt.Sprintf("delete %s-%s", a.Workload, a.Color) }
func (a Apply) String() string {
	switch {
	case a.All:
		return "apply shared objects"
	case a.Services:
		return fmt.Sprintf("make Services again, to %s", a.Pin)
	}
	return fmt.Sprintf("apply new shared objects, Services to %s", a.Pin)
}
func (a Prune) String() string  { return "delete what is left over" }
func (a Revive) String() string { return fmt.Sprintf("revive %s-%s", a.Workload, a.Color) }
func (a Restore) String() string {
	return fmt.Sprintf("restore the template of %s-%s", a.Workload, a.Color)
}
func (a Touch) String() string { return fmt.Sprintf("touch %s-%s", a.Workload, a.Color) }
