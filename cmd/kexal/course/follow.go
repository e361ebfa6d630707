package course

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// Options are who does what in a course.
type Options struct {
	Name string // of the rollout, as people write it behind kexal promote
	File string // rollout.yaml as the play has it, for people to edit

	Nobody       bool          // promotes: it stays at the first gate for a person
	PromoteAfter time.Duration // how long a person takes at a gate
	Fail         *When         // the new pods crash then; nil = they never do
	Abort        *When         // a person aborts then; nil = nobody does
}

// Follow plays on from a push until nothing happens any more, and leaves the play there.
func Follow(play *simulated.Play, o Options) (Course, error) {
	if play.Git.Wanted == nil {
		return Course{}, errors.New("nothing is pushed")
	}
	// What the rollout asks of the namespace is no matter of what goes wrong in it.
	ideal := play.Clone()
	ideal.Verdicts, ideal.World.Quota = nil, 0
	well := begin(ideal, Options{Name: o.Name, File: o.File})
	if err := well.toTheEnd(); err != nil {
		return Course{}, err
	}
	r := begin(play, o)
	if err := r.toTheEnd(); err != nil {
		return Course{}, err
	}
	if len(r.moments) == 0 { // it is as it was
		r.moment(Told, cmp.Or(r.state.Message, "nothing happens"))
		r.moments[0].At, r.moments[0].After = r.pushed, 0
	}
	c := Course{
		Name: o.Name, Replicas: play.Git.Wanted.Pods(), Old: r.old, New: r.new, Pushed: r.pushed,
		Moments: r.told(), Rest: r.rest, Peak: max(r.peak, well.peak),
	}
	state := play.State()
	if state.Spec != nil {
		c.Strategy, c.Steps = state.Spec.Strategy(), Steps(*state.Spec)
	}
	c.Took = c.Last().After
	c.Assumed = r.assumed(o)
	c.Warnings = slices.Concat(well.outage(), well.roundings(), r.warnings(c.Peak))
	return c, nil
}

// assumed is what the course goes by, as far as it does.
func (r *run) assumed(o Options) (all []string) {
	starts := r.play.World.Manners[strategies.Green].Starts
	all = append(all, "pods are ready "+short(starts)+" after they begin")
	if r.promoted {
		all = append(all, "a person promotes after "+short(o.PromoteAfter))
	}
	if r.judged && len(r.play.Verdicts) == 0 {
		all = append(all, "analyses pass after a minute")
	}
	return all
}

// Steps are how many a spec has: one of blue/green, its gate (SPEC 4.3).
func Steps(s strategies.Spec) int {
	if s.BlueGreen != nil {
		return 1
	}
	return len(s.Canary.Steps)
}

// A run is a course on its way.
type run struct {
	play     *simulated.Play
	name     string
	file     string
	old, new string // revisions
	pushed   time.Time
	all      []*hand

	stillborn bool // the new pods are bad from their beginning
	failed    bool // they are bad now
	promoted  bool // a person said yes

	moments []Moment
	users   map[string]simulated.Users
	judged  bool          // analyses or experiments ran
	served  bool          // users were answered before
	lost    time.Duration // how long nobody answered them since then
	lostAt  time.Time     // since when nobody does; zero = somebody does
	rest    int
	peak    int
	weights map[int]int // percent that was live when a step was done
	state   strategies.State
}

func begin(play *simulated.Play, o Options) *run {
	r := &run{
		play: play, name: o.Name, file: o.File, new: play.Git.Wanted.Revision,
		pushed: play.World.Now, rest: pods(play.World), weights: map[int]int{},
	}
	r.state, r.peak = play.State(), r.rest
	if s := r.state; s.Stable != nil {
		r.old, r.served = s.Stable.Revision, true
		if s.Candidate != nil && r.old == r.new {
			r.old = s.Candidate.Revision // Git goes back to stable
		}
	}
	r.all = r.hands(o)
	play.Tell = r.tell
	for _, h := range r.all {
		h.looks(r.pushed, r.state)
	}
	return r
}

// toTheEnd lets the agent work, and the hands when they are due.
func (r *run) toTheEnd() error {
	for range 1000 {
		h := r.next()
		if h == nil {
			return toRest(r.play)
		}
		if err := r.play.RunFor(max(0, h.due().Sub(r.play.World.Now))); err != nil {
			return err
		}
		h.seenAt, h.spent = time.Time{}, !h.each
		h.do()
	}
	return errors.New("people have to promote it without end")
}

// toRest plays on until there is nothing to wait for. An agent that looks again and again
// at pods that crash never rests: when it has told nothing new in a day, nor for longer
// than the deadline takes, and names no moment at which it goes on, it will not.
func toRest(p *simulated.Play) error {
	const while = time.Hour
	hears, quiet := p.Tell, time.Duration(0)
	defer func() { p.Tell = hears }()
	p.Tell = func(e simulated.Event) {
		if e.Kind != simulated.Waits && !e.Again {
			quiet = -while
		}
		hears(e)
	}
	for range 100_000 {
		if err := p.RunFor(while); err != nil {
			return err
		}
		s := p.State()
		enough := 24 * time.Hour
		if s.Spec != nil {
			enough = max(enough, s.Spec.ProgressDeadline+while)
		}
		if quiet += while; quiet >= enough && (s.NextAt == nil || !s.NextAt.After(p.World.Now)) {
			return nil
		}
	}
	return errors.New("it goes on for years")
}

// next is the hand that is due first, if any: it looks ahead on a copy of the play.
func (r *run) next() *hand {
	now := r.play.World.Now
	ahead := r.play.Clone()
	ahead.Tell = func(e simulated.Event) {
		r.begins(ahead.World, e)
		if e.Kind != simulated.Recorded || e.Again {
			return
		}
		for _, h := range r.all {
			h.looks(e.At, e.State)
		}
	}
	if err := toRest(ahead); err != nil {
		return nil // the play itself comes to the same error, and says so
	}
	var first *hand
	for _, h := range r.all {
		if !h.seenAt.IsZero() && (first == nil || h.due().Before(first.due())) {
			first = h
		}
	}
	// What lies behind the first hand may come differently.
	for _, h := range r.all {
		if h != first && h.seenAt.After(now) {
			h.seenAt = time.Time{}
		}
	}
	return first
}

// begins spoils pods that are to be bad from their beginning.
func (r *run) begins(w *simulated.World, e simulated.Event) (spoiled bool) {
	create, is := e.Action.(strategies.Create)
	if !r.stillborn || e.Kind != simulated.Acted || !is || create.Stamp.Revision != r.new {
		return false
	}
	spoil(w, create.Color)
	return true
}

// tell hears what happens.
func (r *run) tell(e simulated.Event) {
	r.peak = max(r.peak, pods(r.play.World))
	if r.begins(r.play.World, e) {
		r.failed = true
		r.hand("the pods of " + r.new + " never become ready")
	}
	switch e.Kind {
	case simulated.Moved:
		r.users = e.Users
		if !r.lostAt.IsZero() {
			r.lost, r.lostAt = r.lost+e.At.Sub(r.lostAt), time.Time{}
		}
		if !r.deserted() {
			r.served = true
			r.moment(Users, r.reach())
		} else if r.served {
			r.lostAt = e.At
			r.moment(Users, nobody)
		}
	case simulated.Recorded, simulated.Rebuilt:
		if tried := r.state.Candidate; tried != nil && tried.Revision == r.new {
			live, reached := e.State.Live, e.State.Step
			if e.State.Candidate == nil && e.State.Stable != nil && e.State.Stable.Revision == r.new {
				live, reached = 100, len(r.state.Spec.Canary.Steps)+1 // some steps came to all of the users
			}
			for step := max(1, r.state.Step); step < reached; step++ {
				r.weights[step] = live
			}
		}
		if r.state = e.State; !e.Again {
			r.moment(Told, e.State.Message)
		}
	case simulated.Judged:
		r.judged = true
	case simulated.Refused, simulated.Held:
		if !e.Again {
			r.moment(Told, e.Text)
		}
	}
}

// reach says whom users reach.
func (r *run) reach() string {
	if live := r.live(); live > 0 || r.old == "" {
		return fmt.Sprintf("%d%% of users reach %s", live, r.new)
	}
	return "all users reach " + r.old
}

// hand is a moment in which somebody does something.
func (r *run) hand(what string) { r.moment(Hands, what) }

func (r *run) moment(kind Kind, what string) {
	s, now := r.state, r.play.World.Now
	m := Moment{
		At: now, After: now.Sub(r.pushed), Kind: kind, What: what,
		Phase: s.Phase, Reason: s.Reason, Step: s.Status(r.name, "", nil).Step,
		Asked: r.asked(), Live: r.live(), Old: r.pods(r.old), New: r.pods(r.new),
		answers: r.lostAt.IsZero(),
	}
	if kind == Told {
		m.Gate, m.Until = gateOf(s), s.NextAt
		m.Who, m.Command = mover(r.name, s)
	}
	r.moments = append(r.moments, m)
}

// nobody is what no moment leaves out.
const nobody = "nobody answers users"

// deserted tells that Services have users, and nobody who answers them.
func (r *run) deserted() bool {
	for _, u := range r.users {
		if len(u) > 0 {
			return false
		}
	}
	return len(r.users) > 0 && r.play.Git.Wanted.Pods() > 0
}

// told leaves out the moments in which users are only on their way: another one follows
// within a second.
func (r *run) told() (all []Moment) {
	for i, m := range r.moments {
		passes := i < len(r.moments)-1 && r.moments[i+1].At.Sub(m.At) < time.Second
		same := len(all) > 0 && all[len(all)-1].Live == m.Live && all[len(all)-1].answers == m.answers
		if m.Kind == Users && m.What != nobody && (passes || same) {
			continue
		}
		all = append(all, m)
	}
	return all
}

// asked is the weight of the new revision that its step asks for.
func (r *run) asked() int {
	switch s := r.state; {
	case s.Stable != nil && s.Stable.Revision == r.new:
		return 100
	case s.Candidate != nil && s.Candidate.Revision == r.new:
		return s.Asked
	}
	return 0
}

// live is the share of users that the new revision answers: what the Services come to, or
// what the record says where no Service tells.
func (r *run) live() int {
	color, there := colorOf(r.play.World, r.new)
	sum, answered := 0, 0
	for _, u := range r.users {
		if len(u) > 0 {
			sum, answered = sum+u[color], answered+1
		}
	}
	switch s := r.state; {
	case r.deserted(), answered > 0 && !there:
		return 0
	case answered > 0:
		return (sum + answered/2) / answered
	case s.Stable != nil && s.Stable.Revision == r.new:
		return 100
	case s.Candidate != nil && s.Candidate.Revision == r.new:
		return s.Live
	}
	return 0
}

func (r *run) pods(revision string) Pods {
	c, there := colorOf(r.play.World, revision)
	if !there {
		return Pods{}
	}
	var all Pods
	for workload, colors := range r.play.World.Slots {
		if d := colors[c]; d != nil {
			all.Ready, all.Asked = all.Ready+r.play.World.ReadyPods(workload, c), all.Asked+d.Desired
		}
	}
	return all
}

// colorOf is the colour that a revision is in.
func colorOf(w *simulated.World, revision string) (strategies.Color, bool) {
	for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
		for _, colors := range w.Slots {
			if d := colors[c]; d != nil && d.Revision == revision {
				return c, true
			}
		}
	}
	return "", false
}

// pods are all that count for a quota.
func pods(w *simulated.World) (n int) {
	for workload := range w.Slots {
		n += int(w.Slot(workload, strategies.Blue).Pods + w.Slot(workload, strategies.Green).Pods)
	}
	return n
}
