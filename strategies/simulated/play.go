package simulated

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Play is all that a rollout plays in: Git, a namespace, the record and the agent that
// may die. Its loop is the agent's: observe, decide, record and act in the order that
// the plan asks for, look again when something changes or when the plan says so.
//
// Between two runs Git, the world, the record and the ledger may be written.
type Play struct {
	World  *World
	Git    Git
	Record string             // the state, in JSON; empty = gone, or never written
	Ledger *strategies.Status // as published last; nil = nothing was
	Mute   bool               // nothing reaches the ledger

	Verdicts map[string]Verdict // what analyses and experiments come to, by where they stand: step-2, background, pre-promotion, post-promotion

	Tell  func(Event)  // hears what happens; nil = nobody does
	Watch func(Effect) // sees each write when it is made; nil = nobody does
	// Decide is [strategies.Decide], or that with something around it.
	Decide func(strategies.Spec, strategies.State, strategies.Observation) strategies.Plan

	Decisions int // that did something
	MostActs  int // actions of one decision

	epoch    int64         // that this agent recorded; 0 = it has taken over nothing yet
	ahead    time.Duration // by which the agent's clock is, since it jumped
	away     time.Duration // before this agent took over
	unmoved  time.Duration // of that: what this agent saw, and no record has yet
	death    *Death
	sentence string // as told last
	refusal  string // as told last
	users    string // as told last
	stopped  error
	runs     map[string]*run // by key
	failure  *Failure
	recheck  time.Time // that was asked for by the turn before; zero = none
	read     struct {  // the record, as it was read last
		text  string
		state strategies.State
	}
	seen struct { // what of Git was read last, and its digest
		wanted *strategies.Wanted
		shared int
		file   string
		digest string
	}
}

// New is an empty namespace, with nothing in Git and an agent that never ran.
func New(at time.Time) *Play {
	p := &Play{World: NewWorld(at), Git: Git{Shared: 1}, Decide: strategies.Decide}
	p.Git.mistake = errors.New("there is no rollout.yaml")
	return p
}

// Clone is the same play once more, to go another way; who hears and watches it is for
// the caller to say.
func (p *Play) Clone() *Play {
	c := *p
	c.World, c.Tell, c.Watch, c.Decide = p.World.Clone(), nil, nil, strategies.Decide
	c.Verdicts, c.runs = maps.Clone(p.Verdicts), map[string]*run{}
	for key, r := range p.runs {
		copied := *r
		c.runs[key] = &copied
	}
	return &c
}

// Jump has the agent's clock jump; that of the namespace stays as it is.
func (p *Play) Jump(by time.Duration) {
	p.ahead, p.unmoved = p.ahead+by, p.unmoved+by
}

// forget has another agent go on.
func (p *Play) forget() { p.epoch, p.unmoved, p.away = 0, 0, 0 }

// Stop ends the play: it runs no more, and tells why. The first reason stays.
func (p *Play) Stop(why error) {
	if p.stopped == nil {
		p.stopped = fmt.Errorf("%s: %w", p.World.Now.Format("15:04:05.0"), why)
	}
}

// State is the record.
func (p *Play) State() strategies.State {
	var s strategies.State
	if p.Record != "" {
		if err := json.Unmarshal([]byte(p.Record), &s); err != nil {
			p.Stop(fmt.Errorf("the record cannot be read: %w", err))
		}
	}
	return s
}

// state is the record, read once; nobody may change what it holds.
func (p *Play) state() strategies.State {
	if p.read.text != p.Record {
		p.read.text, p.read.state = p.Record, p.State()
	}
	return p.read.state
}

// Run lets the agent work until nothing happens any more. It fails when that does not
// come, when the agent asks for what cannot be, and when somebody stopped the play.
func (p *Play) Run() error { return p.run(time.Time{}) }

// RunFor lets the agent work for a while.
func (p *Play) RunFor(d time.Duration) error { return p.run(p.World.Now.Add(d)) }

// run moves the clock to end, or with none for as long as anything happens.
func (p *Play) run(end time.Time) error {
	writes := 0
	for range 5000 {
		p.World.settle()
		p.moved()
		judged := p.judge()
		if p.stopped != nil {
			return p.stopped
		}
		wrote, recheck := p.turn()
		if p.stopped != nil {
			return p.stopped
		}
		if wrote {
			if writes++; writes > 100 {
				p.Stop(errors.New("it does not come to rest"))
				return p.stopped
			}
			continue
		}
		writes = 0
		next := p.World.next()
		if !judged.IsZero() && (next.IsZero() || judged.Before(next)) {
			next = judged
		}
		if !recheck.IsZero() && !recheck.After(p.World.Now) {
			p.Stop(errAtOnce)
			return p.stopped
		}
		if !recheck.IsZero() && (next.IsZero() || recheck.Before(next)) {
			if wait := recheck.Sub(p.World.Now); wait >= time.Second {
				p.tell(Event{Kind: Waits, Text: fmt.Sprintf("recheck in %s", wait.Round(100*time.Millisecond)), Until: recheck})
			}
			next = recheck
		}
		switch {
		case !end.IsZero() && (next.IsZero() || next.After(end)):
			p.World.Now = end
			p.World.settle()
			p.moved()
			return nil
		case next.IsZero():
			return nil
		}
		p.World.Now = next
	}
	p.Stop(errors.New("it runs for ever"))
	return p.stopped
}

// turn observes and decides once. It reports whether anything was written, and when to
// look again.
func (p *Play) turn() (wrote bool, recheck time.Time) {
	was := p.state()
	if p.Record == "" {
		var proceed bool
		if was, proceed = p.lost(); !proceed {
			return false, time.Time{}
		}
	}
	spec, obs := p.observe(was)
	plan := p.Decide(spec, was, obs)
	if !plan.Recheck.IsZero() {
		plan.Recheck = plan.Recheck.Add(-p.ahead)
	}
	text, err := json.Marshal(plan.Next)
	if err != nil {
		p.Stop(err)
		return false, time.Time{}
	}
	runs := len(p.runs)
	p.order(plan.Runs)
	began := len(p.runs) > runs
	changed := string(text) != p.Record
	if !changed && len(plan.Actions) == 0 {
		return began, plan.Recheck
	}
	p.Decisions++
	p.MostActs = max(p.MostActs, len(plan.Actions))
	wrote = changed
	write := func(known bool) {
		if !changed {
			return
		}
		p.unmoved -= plan.Next.Moved - was.Moved
		if p.Record = string(text); known {
			p.epoch = plan.Next.Epoch
		}
		p.recorded(plan.Next)
		if !p.Mute {
			st := plan.Next.Status(p.Git.rollout.Name, p.Git.rollout.Namespace, nil)
			p.Ledger = &st
		}
	}
	act := func(actions []strategies.Action) {
		for _, a := range actions {
			did, err := p.act(a, plan, obs)
			wrote = wrote || did
			if err != nil {
				p.Stop(err)
				return
			}
		}
	}
	if f := p.failure; f != nil {
		p.failure = nil
		p.tell(Event{Kind: Refused, Text: f.String()})
		records, made := f.spares(plan)
		if plan.ActFirst {
			act(made)
		}
		if records {
			write(f.Write > 0)
		}
		if !plan.ActFirst {
			act(made)
		}
		return true, time.Time{}
	}
	made := plan.Actions
	died := p.dies()
	if died != nil && died.At == AfterActs {
		made = made[:min(died.Acts, len(made))]
	}
	switch {
	case plan.ActFirst:
		act(made)
		if died == nil || died.At == AfterRecord {
			write(true)
		}
	default:
		if died == nil || died.At != BeforeRecord {
			write(true)
		}
		if died == nil || died.At == AfterActs {
			act(made)
		}
	}
	if died == nil {
		return wrote, plan.Recheck
	}
	p.forget()
	p.tell(Event{Kind: Died, Text: fmt.Sprintf("the agent dies %s; another takes over", died)})
	return true, time.Time{}
}

// act makes one action, and tells what came of it.
func (p *Play) act(a strategies.Action, plan strategies.Plan, obs strategies.Observation) (wrote bool, err error) {
	var before *World
	if p.Watch != nil {
		before = p.World.Clone()
	}
	wrote, err = p.World.act(a, plan.Next, obs, p.Git.shared())
	if errors.Is(err, errRefused) {
		p.refused(a)
		err = nil
	}
	if err != nil || !wrote {
		return wrote, err
	}
	p.tell(Event{Kind: Acted, Text: "do " + a.String(), Action: a})
	if p.Watch != nil {
		p.Watch(Effect{Action: a, Plan: plan, Observed: obs, Before: before, After: p.World, Record: p.state(), Epoch: p.epoch})
	}
	return true, nil
}
