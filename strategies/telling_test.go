package strategies_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// A story is a play that is told in lines: what happens as people read it, and what its
// rollout.yaml is made of.
type story struct {
	play     *simulated.Play
	spec     string // the fields under `spec:`, without intents
	intents  string
	said     string // by the directive that is played
	sentence string // of what was recorded last
	users    string // where they are sent
	broken   error  // the first promise that was broken
	off      strategies.Guards
}

// newStory begins on an autumn morning, in an empty namespace.
func newStory() *story {
	p := &story{}
	p.become(&story{play: simulated.New(time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC))})
	_ = p.write() // a spec that says nothing is a mistake, too
	return p
}

// become goes on where another story stands, and watches its promises.
func (p *story) become(other *story) {
	*p = *other
	p.play.Tell, p.play.Watch, p.play.Decide = p.hear, p.keeps, p.decide
}

func (p *story) clone() *story {
	other := *p
	other.play, other.said = p.play.Clone(), ""
	c := &story{}
	c.become(&other)
	return c
}

// hear writes an event down.
func (p *story) hear(e simulated.Event) {
	switch e.Kind {
	case simulated.Recorded, simulated.Held:
		p.sentence = strings.TrimPrefix(e.Text, "record ")
	case simulated.Moved:
		p.users = strings.TrimPrefix(e.Text, "live ")
	}
	if !e.Again {
		p.said += e.Text + "\n"
	}
}

// written are those that were read before: a search writes the same few again and again.
var written sync.Map

// write pushes rollout.yaml as its author has it, and says what is wrong with it.
func (p *story) write() error {
	indent := func(text string) string {
		var b strings.Builder
		for line := range strings.Lines(text) {
			b.WriteString("  " + line)
		}
		return b.String()
	}
	fields := p.spec + "\n" + p.intents
	if before, known := written.Load(fields); known {
		return p.play.Git.WriteAs(before.(*simulated.Git))
	}
	err := p.play.Git.Write("apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n" + indent(fields))
	now := p.play.Git
	written.Store(fields, &now)
	return err
}

// run lets the agent work for a while, or until nothing happens any more.
func (p *story) run(during time.Duration) error {
	if during == 0 {
		return p.play.Run()
	}
	return p.play.RunFor(during)
}

// die sets where the agent dies next.
func (p *story) die(args words) (string, error) {
	d := simulated.Death{At: simulated.Place(args.bare())}
	switch d.At {
	case simulated.BeforeRecord, simulated.AfterRecord:
	case simulated.AfterActs:
		if _, err := fmt.Sscan(args.value("after-act"), &d.Acts); err != nil {
			return "", err
		}
	default:
		return "", errors.New("die where?")
	}
	p.play.Die(d)
	return "ok\n", nil
}

// fail sets which write fails next.
func (p *story) fail(args words) (string, error) {
	f := simulated.Failure{Happened: args.has("lost")}
	switch args.bare() {
	case "record":
	case "act":
		if _, err := fmt.Sscan(args.value("act"), &f.Write); err != nil {
			return "", err
		}
	default:
		return "", errors.New("fail what?")
	}
	p.play.Fail(f)
	return "ok\n", nil
}
