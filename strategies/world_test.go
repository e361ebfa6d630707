package strategies

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A world is a namespace in memory, under a clock of its own: two Deployments and their
// pods, Services and the EndpointSlices that follow them. It does what a cluster does
// with what is written to it, and knows nothing of rollouts.
type world struct {
	now       time.Time
	slots     map[Color]*deployment // nil = there is none
	pods      []*pod
	services  map[string]*service
	previews  map[string]*service
	config    string // digest of the shared objects that are no Services; empty = not there
	strangers []string
	quota     int // pods of the namespace, terminating ones too; 0 = no quota
	serial    int

	manners map[Color]manners
	lag     time.Duration // EndpointSlices behind selectors and pods
	late    time.Duration // ReplicaSets behind the counts of their Deployments
	sleeps  time.Duration // a ReplicaSet after a refusal (K30)
}

// manners are how the pods of a colour behave.
type manners struct {
	bad     string // "" = they become ready; else the trouble that Kubernetes names, "-" for none
	some    int    // how many of them are bad; 0 = all
	starts  time.Duration
	lingers time.Duration // terminating
	settles time.Duration // minReadySeconds
}

type deployment struct {
	revision  string
	desired   int32
	orders    []order // counts that its ReplicaSet has yet to follow, one after the other
	follows   int32   // the count that it follows
	paused    bool
	deleting  bool
	stuck     bool // a finalizer keeps it when it is deleted
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

// resize asks for another count.
func (w *world) resize(d *deployment, n int32) {
	d.desired = n
	d.orders = append(d.orders, order{n, w.now.Add(w.late)})
}

// stamped is what the writes that move leave on an object.
type stamped struct {
	epoch   int64
	step    int
	aborted string
}

type pod struct {
	color    Color
	revision string
	serial   int
	readyAt  time.Time // zero = it does not become ready
	goneAt   time.Time // zero = it is not terminating
	trouble  string
	crashes  []time.Time
}

// A service selects one colour of one revision, or both, or what a hand wrote.
type service struct {
	selects  Selection
	revision string // of the one colour
	digest   string // of what Git says of it
	overlaps bool   // a load balancer is in front of it
	refuses  bool   // the server refuses to write it
	late     bool   // and did not say so when it was asked
	stamped

	slices map[Color]int32 // ready endpoints, as the data plane has them
	due    time.Time       // when the slices follow; zero = they agree
	left   map[Color]time.Time
}

func newWorld() *world {
	w := &world{
		now:      time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC),
		slots:    map[Color]*deployment{},
		services: map[string]*service{},
		previews: map[string]*service{},
		manners:  map[Color]manners{},
		lag:      200 * time.Millisecond,
		sleeps:   5 * time.Minute,
	}
	for _, c := range []Color{Blue, Green} {
		w.manners[c] = manners{starts: time.Second, lingers: 2 * time.Second}
	}
	return w
}

func (w *world) clone() *world {
	c := *w
	c.slots = map[Color]*deployment{}
	for color, d := range w.slots {
		if d != nil {
			copied := *d
			copied.orders = slices.Clone(d.orders)
			c.slots[color] = &copied
		}
	}
	c.pods = nil
	for _, p := range w.pods {
		copied := *p
		c.pods = append(c.pods, &copied)
	}
	copied := func(services map[string]*service) map[string]*service {
		all := map[string]*service{}
		for name, s := range services {
			copied := *s
			copied.slices, copied.left = maps.Clone(s.slices), maps.Clone(s.left)
			all[name] = &copied
		}
		return all
	}
	c.services, c.previews = copied(w.services), copied(w.previews)
	c.manners = maps.Clone(w.manners)
	c.strangers = slices.Clone(w.strangers)
	return &c
}

func (w *world) ready(p *pod) bool {
	return p.goneAt.IsZero() && !p.readyAt.IsZero() && !w.now.Before(p.readyAt)
}

// matches tells whether a Service selects a pod.
func (s *service) matches(p *pod) bool {
	if s.selects == OnlyBlue || s.selects == OnlyGreen {
		return Only(p.color) == s.selects && p.revision == s.revision
	}
	return s.selects != Nothing
}

// selected counts the ready pods of each colour that a Service selects now.
func (w *world) selected(s *service) map[Color]int32 {
	n := map[Color]int32{}
	for _, p := range w.pods {
		if w.ready(p) && s.matches(p) {
			n[p.color]++
		}
	}
	return n
}

func (w *world) readyPods(c Color) (n int32) {
	for _, p := range w.pods {
		if p.color == c && w.ready(p) {
			n++
		}
	}
	return n
}

// through is the same world when the counts that were asked for have been followed: pods
// that are about to go are gone.
func (w *world) through() *world {
	c := w.clone()
	for _, d := range c.slots {
		if d != nil {
			for i := range d.orders {
				d.orders[i].due = c.now
			}
		}
	}
	c.settle()
	return c
}

// settle lets the controllers do what is due now.
func (w *world) settle() {
	w.pods = slices.DeleteFunc(w.pods, func(p *pod) bool { return !p.goneAt.IsZero() && !w.now.Before(p.goneAt) })
	for _, c := range []Color{Blue, Green} {
		w.replicate(c)
		for d := w.slots[c]; d != nil && len(d.orders) > 0 && !w.now.Before(d.orders[0].due) && !w.now.Before(d.startedAt); {
			d.follows, d.orders = d.orders[0].count, d.orders[1:]
			w.replicate(c)
		}
	}
	for _, s := range w.fronts() {
		target := w.selected(s)
		switch {
		case maps.Equal(target, s.slices):
			s.due = time.Time{}
		case s.due.IsZero():
			s.due = w.now.Add(w.lag)
		}
		if !s.due.IsZero() && !w.now.Before(s.due) {
			for c := range s.slices {
				if target[c] == 0 {
					s.left[c] = w.now
				}
			}
			s.slices, s.due = target, time.Time{}
		}
	}
}

// fronts are all Services, in the order of their names.
func (w *world) fronts() []*service {
	var all []*service
	for _, services := range []map[string]*service{w.services, w.previews} {
		for _, name := range slices.Sorted(maps.Keys(services)) {
			all = append(all, services[name])
		}
	}
	return all
}

// replicate is the ReplicaSet of a colour.
func (w *world) replicate(c Color) {
	d := w.slots[c]
	var live []*pod
	for _, p := range w.pods {
		if p.color == c && p.goneAt.IsZero() {
			live = append(live, p)
		}
	}
	desired := int32(0)
	if d != nil && !d.deleting {
		if w.now.Before(d.startedAt) || d.startedAt.IsZero() {
			return
		}
		desired = d.follows
	}
	for int32(len(live)) > desired {
		worst := 0 // those that are not ready go first, then the youngest
		for i, p := range live {
			if r, s := w.ready(p), w.ready(live[worst]); r != s && !r || r == s && p.serial > live[worst].serial {
				worst = i
			}
		}
		live[worst].goneAt = w.now.Add(w.manners[c].lingers)
		live = slices.Delete(live, worst, worst+1)
	}
	if d == nil || d.deleting || int32(len(live)) == desired {
		if d != nil {
			d.starved, d.wakesAt = false, time.Time{}
		}
		return
	}
	if !d.wakesAt.IsZero() && w.now.Before(d.wakesAt) {
		return
	}
	d.starved, d.wakesAt = false, time.Time{}
	for n := int32(len(live)); n < desired; n++ {
		if w.quota > 0 && len(w.pods) >= w.quota {
			d.starved, d.wakesAt = true, w.now.Add(w.sleeps)
			return
		}
		w.serial++
		p := &pod{color: c, revision: d.revision, serial: w.serial}
		w.pods = append(w.pods, p)
		w.behave(p)
	}
}

// behave gives a pod the manners of its colour.
func (w *world) behave(p *pod) {
	m := w.manners[p.color]
	bad := 0
	for _, o := range w.pods {
		if o != p && o.color == p.color && o.goneAt.IsZero() && o.readyAt.IsZero() {
			bad++
		}
	}
	p.trouble = ""
	if m.bad != "" && (m.some == 0 || bad < m.some) {
		p.readyAt = time.Time{}
		if m.bad != "-" {
			p.trouble = m.bad
		}
	} else if p.readyAt.IsZero() {
		p.readyAt = w.now.Add(m.starts)
	}
}

// next is the next moment at which something happens by itself; zero = never.
func (w *world) next() time.Time {
	var first time.Time
	at := func(t time.Time) {
		if t.After(w.now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, p := range w.pods {
		at(p.readyAt)
		at(p.goneAt)
	}
	for _, d := range w.slots {
		if d != nil {
			at(d.startedAt)
			at(d.wakesAt)
			for _, o := range d.orders {
				at(o.due)
			}
		}
	}
	for _, s := range w.fronts() {
		at(s.due)
	}
	return first
}

// slot is a colour as an agent observes it.
func (w *world) slot(c Color) Slot {
	var s Slot
	d := w.slots[c]
	for _, p := range w.pods {
		if p.color == c {
			s.Pods++
		}
	}
	if d == nil {
		return s
	}
	s.Exists, s.Deleting, s.Revision, s.Desired, s.Paused = true, d.deleting, d.revision, d.desired, d.paused
	s.Lags = len(d.orders) > 0
	s.Started = !d.startedAt.IsZero() && !w.now.Before(d.startedAt)
	s.Aborted, s.Epoch, s.Step = d.aborted, d.epoch, d.step
	for _, p := range w.pods {
		if p.color != c || p.revision != d.revision || !p.goneAt.IsZero() {
			continue
		}
		if n := len(p.crashes); n > 0 {
			s.Crashed = append(s.Crashed, Crash{At: p.crashes[n-1], Again: n > 1})
		}
		if !w.ready(p) {
			if s.Trouble == "" {
				s.Trouble = p.trouble
			}
			continue
		}
		counts := p.readyAt.Add(w.manners[c].settles)
		if counts.After(w.now) {
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

// view is a Service as an agent observes it, who knows these tracks.
func (s *service) view(name string, tracks []*Track) Service {
	v := Service{Name: name, Endpoints: map[Color]int32{}}
	if s == nil {
		return v
	}
	maps.Copy(v.Endpoints, s.slices)
	v.Aborted, v.Epoch, v.Overlaps, v.Selects = s.aborted, s.epoch, s.overlaps, Something
	for _, t := range tracks {
		if s.selects == BothColors || s.selects == Only(t.Color) && s.revision == t.Revision {
			v.Selects = s.selects
		}
	}
	return v
}

// act carries out one action as a cluster would, for an agent that saw this and whose
// decision is next. It reports whether anything was written.
func (w *world) act(a Action, next State, seen Observation, release *Wanted, digest string) (wrote bool, err error) {
	mark := func(to *stamped, s Stamp) { *to = stamped{s.Epoch, s.Step, s.Aborted} }
	switch a := a.(type) {
	case Create:
		if release == nil {
			return false, fmt.Errorf("%s: no release is rendered", a)
		}
		d := &deployment{revision: release.Revision, startedAt: w.now.Add(50 * time.Millisecond)}
		mark(&d.stamped, a.Stamp)
		w.slots[a.Color] = d
	case Scale:
		d := w.slots[a.Color]
		if d == nil {
			return false, fmt.Errorf("%s: it is not there", a)
		}
		if d.desired != a.Count {
			w.resize(d, a.Count)
		}
		d.paused, d.wakesAt = true, time.Time{}
		mark(&d.stamped, a.Stamp)
	case Select:
		if a.Prime {
			for _, view := range seen.Services {
				if s := w.services[view.Name]; s != nil && s.refuses && !s.late && view.Selects != a.To {
					return false, errRefused
				}
			}
			for _, name := range slices.Sorted(maps.Keys(w.previews)) {
				w.previews[name].selects, w.previews[name].revision = BothColors, ""
				break
			}
		}
		refused := false
		for _, view := range seen.Services {
			s, to := w.services[view.Name], a.To
			if a.Overlap && view.Overlaps {
				to = BothColors
			}
			newest := next.Candidate
			if newest == nil {
				newest = next.Stable
			}
			if s == nil || view.Selects == to || newest != nil && newest.Selectors[view.Name] == nil {
				continue
			}
			if s.refuses {
				refused = true
				continue
			}
			wrote = true
			if s.selects, s.revision = to, ""; to != BothColors {
				s.revision = revisionIn(Color(to), next)
				for _, t := range tracksOf(next) {
					if own := t.Services[view.Name]; t.Color == Color(to) && own != nil {
						s.digest = string(own)
					}
				}
			}
			mark(&s.stamped, a.Stamp)
		}
		if refused {
			w.settle()
			return wrote, errRefused
		}
	case Preview:
		for _, s := range w.previews {
			if s.selects, s.revision = a.To, ""; a.To != BothColors {
				s.revision = revisionIn(Color(a.To), next)
			}
			if release != nil {
				s.digest = digest
			}
			mark(&s.stamped, a.Stamp)
		}
	case Mark:
		wrote := false
		differs := func(s stamped) bool { return s.epoch != a.Stamp.Epoch || s.aborted != a.Stamp.Aborted }
		for _, s := range w.services {
			if differs(s.stamped) {
				mark(&s.stamped, a.Stamp)
				wrote = true
			}
		}
		for _, d := range w.slots {
			if d != nil && !d.deleting && differs(d.stamped) {
				mark(&d.stamped, a.Stamp)
				wrote = true
			}
		}
		return wrote, nil
	case Delete:
		if d := w.slots[a.Color]; d != nil && d.stuck {
			d.deleting = true
		} else {
			w.slots[a.Color] = nil
		}
	case Apply:
		if release == nil {
			return false, fmt.Errorf("%s: no release is rendered", a)
		}
		for _, name := range slices.Sorted(maps.Keys(release.Selectors)) {
			s := w.services[name]
			if s == nil && a.Services && !slices.ContainsFunc(tracksOf(next), func(t *Track) bool { return t.Selectors[name] != nil }) {
				continue
			}
			if s == nil {
				s = &service{selects: a.Pin, revision: revisionIn(Color(a.Pin), next), digest: digest, slices: map[Color]int32{}, left: map[Color]time.Time{}}
				mark(&s.stamped, a.Stamp)
				w.services[name] = s
			} else if a.All {
				s.digest = digest
			}
		}
		for _, name := range slices.Sorted(maps.Keys(release.Previews)) {
			s := w.previews[name]
			switch {
			case s == nil:
				w.previews[name] = &service{selects: a.Previews, revision: revisionIn(Color(a.Previews), next), digest: digest, slices: map[Color]int32{}, left: map[Color]time.Time{}}
			case s != nil && a.All:
				s.digest = digest
			}
		}
		if (w.config == "" || a.All) && !a.Services {
			w.config = digest
		}
	case Prune:
		for _, name := range seen.Leftover {
			delete(w.previews, name)
		}
	case Revive:
		if d := w.slots[a.Color]; d != nil {
			d.paused = false
			mark(&d.stamped, a.Stamp)
		}
	case Touch:
		d := w.slots[a.Color]
		if d == nil || a.At.Sub(d.touchedAt) < 5*time.Second {
			return false, nil
		}
		d.touchedAt, d.wakesAt = a.At, time.Time{}
	}
	w.settle()
	return true, nil
}

// errRefused is the server's no.
var errRefused = errors.New("refused")

// tracksOf are the revisions that a state knows in colours, the candidate first.
func tracksOf(s State) []*Track {
	var found []*Track
	for _, t := range []*Track{s.Candidate, s.Stable} {
		if t != nil {
			found = append(found, t)
		}
	}
	if s.Warm != nil {
		found = append(found, &s.Warm.Old)
	}
	return found
}

func revisionIn(c Color, s State) string {
	for _, t := range tracksOf(s) {
		if t.Color == c {
			return t.Revision
		}
	}
	return ""
}
