package strategies_test

import (
	"fmt"

	"github.com/kexal/kexal/strategies"
)

// faults are the ways in which a state may suffer one fault now. The next decision writes, or
// does not, and so many of its actions do.
func faults(p *story, writes bool, acts int) (all [][]string) {
	one := func(lines ...string) { all = append(all, lines) }
	if writes {
		one("die before-record", "turn")
		one("die after-record", "turn")
		one("fail record", "turn")
		one("fail record lost", "turn")
		for i := range min(acts, 2) {
			one(fmt.Sprintf("die after-act=%d", i+1), "turn")
			one(fmt.Sprintf("fail act=%d", i+1), "turn")
			one(fmt.Sprintf("fail act=%d lost", i+1), "turn")
		}
	}
	one("restart")
	for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
		d := p.play.World.Slots["web"][c]
		if d == nil {
			continue
		}
		if p.play.World.ReadyPods("web", c) > 0 {
			one(fmt.Sprintf("disturb %s for=2s", c))
			one(fmt.Sprintf("disturb %s crash for=15s", c))
		}
		if d.Desired > 0 {
			one(fmt.Sprintf("edit deployment=%s replicas=%d", c, d.Desired-1))
		}
		one(fmt.Sprintf("edit deployment=%s replicas=%d", c, d.Desired+1))
	}
	if s := p.play.World.Services["web"]; s != nil {
		for _, to := range []strategies.Selection{strategies.BothColors, strategies.Something} {
			if s.Selects != to {
				one(fmt.Sprintf("edit service=web selects=%s", to))
			}
		}
	}
	if p.play.World.Router != nil {
		one("edit router weight=50")
	}
	return all
}

// people are what people may do now, each at its place; empty = not now.
func people(p *story) []string {
	wanted := p.play.Git.Wanted.Revision[:2]
	all := []string{"", "", "intent abort=" + wanted, "intent promote=" + wanted, "intent promote=" + wanted + " full"}
	if wanted != "c3" {
		all[0] = "push rev=c3"
	}
	if wanted != "a1" {
		all[1] = "push rev=a1"
	}
	return all
}
