package simulated

import (
	"slices"
	"time"

	"github.com/kexal/kexal/strategies"
)

// Manners are how the pods of a colour behave.
type Manners struct {
	Unready bool   // they do not become ready
	Trouble string // that Kubernetes names then; empty = none
	Some    int    // how many of them are bad; 0 = all
	Starts  time.Duration
	Lingers time.Duration // terminating
	Settles time.Duration // minReadySeconds
}

// Teach sets how a colour's pods behave from now on, those that are there too: ones that
// have to be bad and have a trouble crash.
func (w *World) Teach(c strategies.Color, m Manners) {
	w.Manners[c] = m
	left := m.Some
	for _, p := range w.pods {
		if p.color != c || !p.goneAt.IsZero() {
			continue
		}
		if !m.Unready {
			w.behave(p)
			continue
		}
		if m.Some > 0 {
			if left--; left < 0 {
				continue
			}
		}
		p.readyAt, p.trouble = time.Time{}, m.Trouble
		if p.trouble != "" {
			p.crashes = append(p.crashes, w.Now)
		}
	}
}

// Disturb makes the oldest ready pod of a workload's colour lose its readiness for a while, or for good
// with none. One that has a trouble crashes. It reports whether there is one.
func (w *World) Disturb(workload string, c strategies.Color, trouble string, d time.Duration) bool {
	for _, p := range w.pods {
		if p.color != c || p.workload != workload || !w.ready(p) {
			continue
		}
		if p.readyAt, p.trouble = (time.Time{}), trouble; d > 0 {
			p.readyAt = w.Now.Add(d)
		}
		if trouble != "" {
			p.crashes = append(slices.Clone(p.crashes), w.Now)
		}
		return true
	}
	return false
}

// A pod has the revision of the Deployment that asked for it.
type pod struct {
	workload string
	color    strategies.Color
	revision string
	serial   int
	foreign  bool      // it runs a template that a hand wrote
	readyAt  time.Time // zero = it does not become ready
	goneAt   time.Time // zero = it is not terminating
	trouble  string
	crashes  []time.Time
}

func (w *World) ready(p *pod) bool {
	return p.goneAt.IsZero() && !p.readyAt.IsZero() && !w.Now.Before(p.readyAt)
}

// ReadyPods counts those of a workload's colour that pass their readiness probe.
func (w *World) ReadyPods(workload string, c strategies.Color) (n int32) {
	for _, p := range w.pods {
		if p.color == c && p.workload == workload && w.ready(p) {
			n++
		}
	}
	return n
}

// behave gives a pod the manners of its colour.
func (w *World) behave(p *pod) {
	m := w.Manners[p.color]
	bad := 0
	for _, o := range w.pods {
		if o != p && o.color == p.color && o.workload == p.workload && o.goneAt.IsZero() && o.readyAt.IsZero() {
			bad++
		}
	}
	p.trouble = ""
	if m.Unready && (m.Some == 0 || bad < m.Some) {
		p.readyAt, p.trouble = time.Time{}, m.Trouble
	} else if p.readyAt.IsZero() {
		p.readyAt = w.Now.Add(m.Starts)
	}
}

// Roll makes pods of a colour run a template that a hand wrote into its Deployment, which it
// unpaused.
func (w *World) Roll(c strategies.Color, n int) {
	for _, p := range w.pods {
		if n > 0 && p.color == c && p.goneAt.IsZero() && !p.foreign {
			p.foreign = true
			n--
		}
	}
}
