package course

import (
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Course is how one rollout goes, from the push to its end.
type Course struct {
	Name     string // of the rollout
	Strategy string // canary, blueGreen or rollingUpdate
	Steps    int
	Replicas int32  // that Git asks for
	Old, New string // revisions; no old one at a first release, and equal where nothing new is pushed
	Pushed   time.Time

	Moments  []Moment // in the order of time; at least one
	Took     time.Duration
	Rest     int      // pods before the push
	Peak     int      // pods at once, terminating ones too: what a quota has to let be
	Assumed  []string // of what nobody knows before
	Warnings []string
}

// Last is how it ends, or where it stays.
func (c Course) Last() Moment { return c.Moments[len(c.Moments)-1] }

// A Moment is one in which something changes for people.
type Moment struct {
	At    time.Time
	After time.Duration // since the push
	Kind  Kind
	What  string // one sentence: that of the status, where it is one

	Phase  strategies.Phase
	Reason strategies.Reason
	Step   *strategies.Position // nil outside a rollout
	Asked  int                  // percent of users that the new revision is to have
	Live   int                  // and has
	Old    Pods
	New    Pods

	Gate    Gate
	Who     string     // has to act; empty = nobody
	Command string     // with which they do it; empty = no command does
	Until   *time.Time // it goes on by itself then; nil = not known, or not by itself

	answers bool // somebody answers users
}

// Pods of one revision.
type Pods struct {
	Ready int32 `json:"ready"`
	Asked int32 `json:"asked"`
}

// A Kind of moment.
type Kind string

const (
	Told  Kind = "status" // the status says something new
	Users Kind = "users"  // users move
	Hands Kind = "hands"  // somebody, or bad luck, does something
)

// A Gate is what a rollout waits for, besides its pods.
type Gate string

const (
	NoGate   Gate = ""
	Time     Gate = "time"
	Person   Gate = "person"
	Window   Gate = "window"
	Analysis Gate = "analysis"
)

// gateOf is the gate that a state stands at.
func gateOf(s strategies.State) Gate {
	switch s.Reason {
	case strategies.WaitingForTime:
		return Time
	case strategies.WaitingForPromote, strategies.Undecided, strategies.PausedByIntent:
		return Person
	case strategies.WaitingForWindow:
		return Window
	case strategies.Analyzing:
		return Analysis
	}
	return NoGate
}

// mover is who has to act at a person's gate, and the command line for it.
func mover(name string, s strategies.State) (who, command string) {
	switch s.Reason {
	case strategies.WaitingForPromote, strategies.Undecided:
		return "a person", "kexal promote " + name
	case strategies.PausedByIntent:
		return "a person takes `paused: true` out of rollout.yaml", ""
	}
	return "", ""
}
