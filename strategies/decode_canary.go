package strategies

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

func canaryDefaults() Canary {
	return Canary{
		MaxSurge:       Amount{Value: 25, Percent: true},
		MaxUnavailable: Amount{Value: 25, Percent: true},
		ScaleDownDelay: 30 * time.Second,
	}
}

func (d *decoder) canary(n *yaml.Node) Canary {
	c := canaryDefaults()
	const at = "strategy.canary"
	// What only a router gives a meaning to has a default only beside one.
	abort, least := 30*time.Second, int32(1)
	var routing, delay *yaml.Node
	d.mapping(n, "canary", at, fields{
		"steps":          func(n *yaml.Node) { c.Steps = d.steps(n) },
		"maxSurge":       d.amount(&c.MaxSurge),
		"maxUnavailable": d.amount(&c.MaxUnavailable),
		"scaleDownDelaySeconds": func(n *yaml.Node) {
			delay = n
			d.seconds(&c.ScaleDownDelay, 0)(n)
		},
		"replicaProgressThreshold": func(n *yaml.Node) { c.Threshold = d.threshold(n) },
		"analysis":                 d.analysis(&c.Analysis, at+".analysis"),
		"trafficRouting": func(n *yaml.Node) {
			routing = n
			c.Routers = d.trafficRouting(n)
		},
		"abortScaleDownDelaySeconds": d.byRouter("abortScaleDownDelaySeconds", d.seconds(&abort, 0)),
		"dynamicStableScale":         d.byRouter("dynamicStableScale", d.boolean(&c.DynamicStableScale)),
		"minPodsPerReplicaSet":       d.byRouter("minPodsPerReplicaSet", d.count(&least, "minPodsPerReplicaSet", 1)),
	})
	d.replaceable(n, c)
	if routing == nil {
		for _, w := range d.routed {
			d.fault(w.value, "remove it, or add trafficRouting", "%s needs trafficRouting in the same block", w.name)
		}
	} else {
		c.AbortDelay, c.MinPods = abort, least
	}
	if c.DynamicStableScale && delay != nil {
		d.fault(delay, "keep one of them", "scaleDownDelaySeconds and dynamicStableScale exclude each other: a stable that shrinks as its users leave has no pods left to keep")
	}
	if a := c.Analysis; a != nil && a.StartingStep > max(1, len(c.Steps)) {
		d.fault(n, "lower it: it counts from 0", "analysis.startingStep %d comes after the last of %d steps", a.StartingStep-1, len(c.Steps))
	}
	return c
}

// byRouter notes that a field means nothing without trafficRouting.
func (d *decoder) byRouter(name string, read func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.routed = append(d.routed, written{name, n})
		read(n)
	}
}

// replaceable refuses a budget in which nothing could move.
func (d *decoder) replaceable(n *yaml.Node, c Canary) {
	if c.MaxSurge.Value == 0 && c.MaxUnavailable.Value == 0 {
		d.fault(n, "raise one of them", "maxSurge and maxUnavailable are both 0: no pod could ever be replaced")
	}
}

// rollingUpdate is a canary whose steps are made.
func (d *decoder) rollingUpdate(n *yaml.Node) Canary {
	c := canaryDefaults()
	c.Steps = rollingSteps()
	d.mapping(n, "rollingUpdate", "strategy.rollingUpdate", fields{
		"maxSurge":              d.amount(&c.MaxSurge),
		"maxUnavailable":        d.amount(&c.MaxUnavailable),
		"scaleDownDelaySeconds": d.seconds(&c.ScaleDownDelay, 0),
	})
	d.replaceable(n, c)
	return c
}

// rollingSteps are those of a rolling update: a handful whatever the size, so that the
// ledger tells of as few moves for a hundred pods as for four. Each is done when its weight
// is live; none is a gate.
func rollingSteps() []Step {
	var steps []Step
	for _, weight := range []int{25, 50, 75} {
		steps = append(steps, Step{SetWeight: &weight})
	}
	return steps
}

// threshold is how many ready pods of the candidate are enough.
func (d *decoder) threshold(n *yaml.Node) (enough Amount) {
	var kind string
	var value *yaml.Node
	faults := len(d.mistakes)
	d.mapping(n, "replicaProgressThreshold", "strategy.canary.replicaProgressThreshold", fields{
		"type":  func(n *yaml.Node) { kind = d.word(n, "replicaProgressThreshold.type", "Percent", "Pods") },
		"value": func(n *yaml.Node) { value = n },
	})
	most := 0
	if enough.Percent = kind == "Percent"; enough.Percent {
		most = 100
	}
	if value != nil {
		v, _ := d.within(value, "replicaProgressThreshold.value", 1, most)
		enough.Value = int32(v)
	}
	if (kind == "" || value == nil) && len(d.mistakes) == faults {
		d.fault(n, "write {type: Percent, value: 80}", "replicaProgressThreshold says no type or no value")
	}
	return enough
}

// trafficRouting gives the names of the routers. What they say is read by its names only.
func (d *decoder) trafficRouting(n *yaml.Node) []string {
	const at = "strategy.canary.trafficRouting"
	named := map[string]bool{}
	routers := fields{}
	for name, f := range partsOf(at) {
		if f.is != unsupported {
			routers[name] = func(n *yaml.Node) {
				named[name] = true
				d.shape(n, name, at+"."+name)
			}
		}
	}
	faults := len(d.mistakes)
	d.mapping(n, "trafficRouting", at, routers)
	if len(named) == 0 && len(d.mistakes) == faults {
		d.fault(n, "write one of "+strings.Join(slices.Sorted(maps.Keys(routers)), ", ")+", or leave it out", "trafficRouting names no router")
	}
	return slices.Sorted(maps.Keys(named))
}
