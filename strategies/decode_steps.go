package strategies

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

func (d *decoder) steps(n *yaml.Node) []Step {
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "write a list: - setWeight: 20", "steps is %s, not a list", kindOf(n))
		return nil
	}
	var steps []Step
	for i, entry := range n.Content {
		steps = append(steps, d.step(entry, fmt.Sprintf("step %d", i+1)))
	}
	return steps
}

func (d *decoder) step(n *yaml.Node, where string) (s Step) {
	const at = "strategy.canary.steps"
	set := 0
	one := func(read func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) {
			set++
			read(n)
		}
	}
	unknown := len(d.mistakes)
	d.mapping(n, where, at, fields{
		"setWeight":      one(func(n *yaml.Node) { s.SetWeight = d.weight(n, "setWeight") }),
		"pause":          one(func(n *yaml.Node) { s.Pause = d.pause(n) }),
		"setCanaryScale": one(d.byRouter("setCanaryScale", func(n *yaml.Node) { s.SetCanaryScale = d.canaryScale(n) })),
		"analysis":       one(d.analysis(&s.Analysis, at+".analysis")),
		"experiment":     one(d.experiment(&s.Experiment, at+".experiment")),
	})
	if set != 1 && len(d.mistakes) == unknown {
		d.fault(n, "write setWeight or pause, one for each step", "%s says %d things, not one", where, set)
	}
	return s
}

func (d *decoder) weight(n *yaml.Node, field string) *int {
	w, ok := d.integer(n, field)
	switch {
	case !ok:
		return nil
	case w > 100:
		d.fault(n, "write a percentage from 0 to 100", "%s %d is above 100", field, w)
	case w < 0:
		d.fault(n, "write a percentage from 0 to 100", "%s %d is below 0", field, w)
	}
	return &w
}

func (d *decoder) pause(n *yaml.Node) *Pause {
	p := &Pause{}
	d.mapping(n, "pause", "strategy.canary.steps.pause", fields{
		"duration": func(n *yaml.Node) {
			if secs, ok := d.duration(n, "write seconds, or 30s, 5m, 1h; leave it out to wait for promote"); ok {
				p.Seconds = &secs
			}
		},
	})
	return p
}

func (d *decoder) canaryScale(n *yaml.Node) *CanaryScale {
	c := &CanaryScale{}
	set := 0
	faults := len(d.mistakes)
	d.mapping(n, "setCanaryScale", "strategy.canary.steps.setCanaryScale", fields{
		"replicas": func(n *yaml.Node) {
			set++
			c.Replicas = new(int32)
			d.count(c.Replicas, "setCanaryScale.replicas", 0)(n)
		},
		"weight": func(n *yaml.Node) {
			set++
			c.Weight = d.weight(n, "setCanaryScale.weight")
		},
		"matchTrafficWeight": func(n *yaml.Node) {
			if d.boolean(&c.Match)(n); c.Match {
				set++
			}
		},
	})
	if set != 1 && len(d.mistakes) == faults {
		d.fault(n, "write one of replicas, weight, matchTrafficWeight: true", "setCanaryScale says %d things, not one", set)
	}
	return c
}
