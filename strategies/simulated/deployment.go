package simulated

import (
	"slices"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Deployment is the workload of one colour, and its ReplicaSet.
type Deployment struct {
	Revision string
	Desired  int32 // pods asked for
	Paused   bool
	Edited   bool // a hand wrote another template into it
	Stuck    bool // a finalizer keeps it when it is deleted
	Deleting bool

	orders    []order // counts that its ReplicaSet has yet to follow, one after the other
	follows   int32   // the count that it follows
	startedAt time.Time
	starved   bool
	wakesAt   time.Time
	touchedAt time.Time
	stamped
}

// An order is a count on its way to the ReplicaSet.
type order struct {
	count int32
	due   time.Time
}

// Resize asks for another count of a colour that is there.
func (w *World) Resize(workload string, c strategies.Color, n int32) {
	d := w.Slots[workload][c]
	d.Desired = n
	d.orders = append(d.orders, order{n, w.Now.Add(w.Late)})
}

// stamped is what the writes that move leave on an object.
type stamped struct {
	epoch   int64
	step    int
	aborted string
}

// replicate is the ReplicaSet of a workload's colour.
func (w *World) replicate(workload string, c strategies.Color) {
	d := w.Slots[workload][c]
	var live []*pod
	for _, p := range w.pods {
		if p.color == c && p.workload == workload && p.goneAt.IsZero() {
			live = append(live, p)
		}
	}
	desired := int32(0)
	if d != nil && !d.Deleting {
		if w.Now.Before(d.startedAt) || d.startedAt.IsZero() {
			return
		}
		desired = d.follows
	}
	if d != nil && !d.Paused && !d.Edited { // its controller rolls back what a hand made it roll
		for i, p := range live {
			if p.foreign && !slices.ContainsFunc(live, func(o *pod) bool { return !w.ready(o) }) {
				p.goneAt = w.Now.Add(w.Manners[c].Lingers)
				live = slices.Delete(live, i, i+1)
				break
			}
		}
	}
	for int32(len(live)) > desired {
		worst := 0 // those that are not ready go first, then the youngest
		for i, p := range live {
			if r, s := w.ready(p), w.ready(live[worst]); r != s && !r || r == s && p.serial > live[worst].serial {
				worst = i
			}
		}
		live[worst].goneAt = w.Now.Add(w.Manners[c].Lingers)
		live = slices.Delete(live, worst, worst+1)
	}
	if d == nil || d.Deleting || int32(len(live)) == desired {
		if d != nil {
			d.starved, d.wakesAt = false, time.Time{}
		}
		return
	}
	if !d.wakesAt.IsZero() && w.Now.Before(d.wakesAt) {
		return
	}
	d.starved, d.wakesAt = false, time.Time{}
	for n := int32(len(live)); n < desired; n++ {
		if w.Quota > 0 && len(w.pods) >= w.Quota {
			d.starved, d.wakesAt = true, w.Now.Add(w.Sleeps)
			return
		}
		w.serial++
		p := &pod{workload: workload, color: c, revision: d.Revision, serial: w.serial}
		w.pods = append(w.pods, p)
		w.behave(p)
	}
}

// Slot is a workload's colour as an agent observes it.
func (w *World) Slot(workload string, c strategies.Color) strategies.Slot {
	var s strategies.Slot
	d := w.Slots[workload][c]
	for _, p := range w.pods {
		if p.color == c && p.workload == workload {
			s.Pods++
		}
	}
	if d == nil {
		return s
	}
	s.Exists, s.Deleting, s.Revision, s.Desired, s.Paused = true, d.Deleting, d.Revision, d.Desired, d.Paused
	s.Lags, s.Edited = len(d.orders) > 0, d.Edited
	for i, o := range d.orders {
		if i == 0 || o.count < s.Lowest {
			s.Lowest = o.count
		}
	}
	s.Started = !d.startedAt.IsZero() && !w.Now.Before(d.startedAt)
	s.Aborted, s.Epoch, s.Step = d.aborted, d.epoch, d.step
	for _, p := range w.pods {
		if p.color != c || p.workload != workload || p.revision != d.Revision || !p.goneAt.IsZero() {
			continue
		}
		if p.foreign {
			s.Foreign++
			continue
		}
		if n := len(p.crashes); n > 0 {
			s.Crashed = append(s.Crashed, strategies.Crash{At: p.crashes[n-1], Again: n > 1})
		}
		if !w.ready(p) {
			if s.Trouble == "" {
				s.Trouble = p.trouble
			}
			continue
		}
		counts := p.readyAt.Add(w.Manners[c].Settles)
		if counts.After(w.Now) {
			if s.NextAt.IsZero() || counts.Before(s.NextAt) {
				s.NextAt = counts
			}
			continue
		}
		s.Ready++
		if counts.After(s.ReadyAt) {
			s.ReadyAt = counts
		}
	}
	if d.starved {
		s.Starved, s.Trouble = true, "pods are forbidden: exceeded quota"
	}
	return s
}
