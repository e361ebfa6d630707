package simulated

import (
	"maps"
	"slices"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A World is a namespace in memory, under a clock of its own: two Deployments and their
// pods, Services and the EndpointSlices that follow them. It does what a cluster does
// with what is written to it, and knows nothing of rollouts.
//
// Its fields may be written between two runs, as hands would edit what is there.
type World struct {
	Now       time.Time
	Slots     map[string]map[strategies.Color]*Deployment // by workload; nil = there is none
	Services  map[string]*Service
	Previews  map[string]*Service
	Router    *Router  // nil = there is none
	Strangers []string // Services that would select the candidate's pods, and that nobody switches
	Quota     int      // pods of the namespace, terminating ones too; 0 = no quota

	Manners   map[strategies.Color]Manners // written with Teach
	Lag       time.Duration                // EndpointSlices behind selectors and pods
	RouterLag time.Duration                // the weight in force behind the one that was asked for
	Late      time.Duration                // ReplicaSets behind the counts of their Deployments
	Begins    time.Duration                // the ReplicaSet of a new Deployment
	Sleeps    time.Duration                // a ReplicaSet after a refusal (K30)

	pods   []*pod
	serial int
	config string // digest of the shared objects that are no Services; empty = not there
}

// NewWorld is an empty namespace at a moment.
func NewWorld(at time.Time) *World {
	w := &World{
		Now:       at,
		Slots:     map[string]map[strategies.Color]*Deployment{},
		Services:  map[string]*Service{},
		Previews:  map[string]*Service{},
		Manners:   map[strategies.Color]Manners{},
		Lag:       200 * time.Millisecond,
		RouterLag: 300 * time.Millisecond,
		Begins:    50 * time.Millisecond,
		Sleeps:    5 * time.Minute,
	}
	for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
		w.Manners[c] = Manners{Starts: time.Second, Lingers: 2 * time.Second}
	}
	return w
}

// Clone is the same world once more, to go another way.
func (w *World) Clone() *World {
	c := *w
	c.Slots = map[string]map[strategies.Color]*Deployment{}
	for workload, colors := range w.Slots {
		for color, d := range colors {
			if d != nil {
				copied := *d
				copied.orders = slices.Clone(d.orders)
				c.put(workload, color, &copied)
			}
		}
	}
	c.pods = nil
	for _, p := range w.pods {
		copied := *p
		c.pods = append(c.pods, &copied)
	}
	copied := func(services map[string]*Service) map[string]*Service {
		all := map[string]*Service{}
		for name, s := range services {
			copied := *s
			copied.Endpoints, copied.Left = maps.Clone(s.Endpoints), maps.Clone(s.Left)
			all[name] = &copied
		}
		return all
	}
	c.Services, c.Previews = copied(w.Services), copied(w.Previews)
	if w.Router != nil {
		router := *w.Router
		c.Router = &router
	}
	c.Manners = maps.Clone(w.Manners)
	c.Strangers = slices.Clone(w.Strangers)
	return &c
}

// Through is the same world when the counts that were asked for have been followed: pods
// that are about to go are gone.
func (w *World) Through() *World {
	c := w.Clone()
	for _, d := range c.deployments() {
		for i := range d.orders {
			d.orders[i].due = c.Now
		}
	}
	if c.Router != nil && !c.Router.due.IsZero() {
		c.Router.due = c.Now
	}
	c.settle()
	return c
}

// workloads are the names of those that have a Deployment or pods.
func (w *World) workloads() []string {
	if len(w.Slots) == 1 { // as almost always, and asked for all the time
		for name := range w.Slots {
			return []string{name}
		}
	}
	return slices.Sorted(maps.Keys(w.Slots))
}

// deployments are all that are there.
func (w *World) deployments() (all []*Deployment) {
	for _, workload := range w.workloads() {
		for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
			if d := w.Slots[workload][c]; d != nil {
				all = append(all, d)
			}
		}
	}
	return all
}

// put makes a workload's Deployment of a colour; nil takes it away.
func (w *World) put(workload string, c strategies.Color, d *Deployment) {
	if w.Slots[workload] == nil {
		w.Slots[workload] = map[strategies.Color]*Deployment{}
	}
	w.Slots[workload][c] = d
}

// settle lets the controllers do what is due now.
func (w *World) settle() {
	w.pods = slices.DeleteFunc(w.pods, func(p *pod) bool { return !p.goneAt.IsZero() && !w.Now.Before(p.goneAt) })
	for _, workload := range w.workloads() {
		for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
			w.replicate(workload, c)
			for d := w.Slots[workload][c]; d != nil && len(d.orders) > 0 && !w.Now.Before(d.orders[0].due) && !w.Now.Before(d.startedAt); {
				d.follows, d.orders = d.orders[0].count, d.orders[1:]
				w.replicate(workload, c)
			}
		}
	}
	w.Router.follow(w.Now)
	for _, s := range w.fronts() {
		target := w.Selected(s)
		switch {
		case maps.Equal(target, s.Endpoints):
			s.due = time.Time{}
		case s.due.IsZero():
			s.due = w.Now.Add(w.Lag)
		}
		if !s.due.IsZero() && !w.Now.Before(s.due) {
			for c := range s.Endpoints {
				if target[c] == 0 {
					s.Left[c] = w.Now
				}
			}
			s.Endpoints, s.due = target, time.Time{}
		}
	}
}

// next is the next moment at which something happens by itself; zero = never.
func (w *World) next() time.Time {
	var first time.Time
	at := func(t time.Time) {
		if t.After(w.Now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, p := range w.pods {
		at(p.readyAt)
		at(p.goneAt)
	}
	for _, d := range w.deployments() {
		at(d.startedAt)
		at(d.wakesAt)
		for _, o := range d.orders {
			at(o.due)
		}
	}
	for _, s := range w.fronts() {
		at(s.due)
	}
	if w.Router != nil {
		at(w.Router.due)
	}
	return first
}
