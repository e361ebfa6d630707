package simulated_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// stable is a play in which a first release serves, and the next is pushed.
func stable(t *testing.T) *simulated.Play {
	t.Helper()
	p := simulated.New(time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC))
	if err := p.Git.Write(canary); err != nil {
		t.Fatal(err)
	}
	p.Git.Push(release("a1a1a1a1a1"))
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	p.Git.Push(release("b2b2b2b2b2"))
	return p
}

// events are what happens until nothing does.
func events(t *testing.T, p *simulated.Play) (all []simulated.Event) {
	t.Helper()
	p.Tell = func(e simulated.Event) { all = append(all, e) }
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	return all
}

// The same play gives the same events, and a clone takes nothing from what it was made of.
func TestSamePlaySameEvents(t *testing.T) {
	p := stable(t)
	record, at := p.Record, p.World.Now
	first := events(t, p.Clone())
	if p.Record != record || p.World.Now != at || p.World.Slots["web"][strategies.Green] != nil {
		t.Errorf("its clone moved it: %s, %s", p.World.Now, p.Record)
	}
	if second := events(t, p); !reflect.DeepEqual(first, second) {
		t.Errorf("first\n%v\nthen\n%v", first, second)
	}
}

// Each kind of event carries what it is about, and comes in the order of time.
func TestEvents(t *testing.T) {
	p := stable(t)
	p.World.Services["web"].Refuses = true
	seen := map[simulated.Kind]simulated.Event{}
	last := p.World.Now
	p.Tell = func(e simulated.Event) {
		if e.At.Before(last) || e.Text == "" {
			t.Errorf("%+v after %s", e, last)
		}
		last, seen[e.Kind] = e.At, e
	}
	for _, again := range []bool{false, true} {
		if err := p.RunFor(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		if e := seen[simulated.Refused]; e.Action == nil || e.Text != "refused "+e.Action.String() || e.Again != again {
			t.Errorf("refused, again %v: %+v", again, e)
		}
	}
	p.World.Services["web"].Refuses = false
	p.Die(simulated.Death{At: simulated.AfterActs, Acts: 1})
	if err := p.RunFor(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if e := seen[simulated.Died]; !strings.Contains(e.Text, "after-act=1") {
		t.Errorf("died: %+v", e)
	}
	if e := seen[simulated.Waits]; e.Until.Sub(e.At) < time.Second {
		t.Errorf("waits: %+v", e)
	}
	if e := seen[simulated.Moved]; e.Users["web"][strategies.Blue] != 75 || e.Users["web"][strategies.Green] != 25 {
		t.Errorf("moved: %+v", e)
	}
	if e := seen[simulated.Acted]; e.Action == nil || e.Text != "do "+e.Action.String() {
		t.Errorf("acted: %+v", e)
	}
	if e := seen[simulated.Recorded]; e.State.Phase != strategies.Paused || e.State.Candidate == nil {
		t.Errorf("recorded: %+v", e)
	}
	p.Record = ""
	if err := p.RunFor(time.Second); err != nil {
		t.Fatal(err)
	}
	if e := seen[simulated.Rebuilt]; e.State.Candidate == nil {
		t.Errorf("rebuilt: %+v", e)
	}
	p.Record, p.Ledger = "", &strategies.Status{}
	if err := p.RunFor(time.Second); err != nil {
		t.Fatal(err)
	}
	if e := seen[simulated.Held]; !strings.HasPrefix(e.Text, "held: ") {
		t.Errorf("held: %+v", e)
	}
}

// Who watches may stop the play, and the first reason stays.
func TestStop(t *testing.T) {
	p, why := stable(t), errors.New("it made something")
	effects := 0
	p.Watch = func(e simulated.Effect) {
		effects++
		if e.Before == e.After || e.Action == nil || e.Record.Stable == nil {
			t.Errorf("%+v", e)
		}
		p.Stop(why)
		p.Stop(errors.New("too late"))
	}
	for range 2 {
		if err := p.Run(); !errors.Is(err, why) || !strings.HasPrefix(err.Error(), "10:0") {
			t.Errorf("it stopped for %v", err)
		}
	}
	if effects != 1 {
		t.Errorf("%d effects", effects)
	}
}
