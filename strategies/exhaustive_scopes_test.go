package strategies_test

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/datadriven"

	"github.com/kexal/kexal/strategies"
)

// A scope is a rollout and what may befall it.
type scope struct {
	name     string
	spec     string
	replicas int
	troubles int               // at most so many on one way
	floor    int               // states, at least
	off      strategies.Guards // that are switched off
}

// beginning are the lines of the story before anything befalls it.
func (c scope) beginning() []string {
	return []string{
		"ledger stop", "controllers begins=1s lag=1s router=1s",
		fmt.Sprintf("push rev=a1 replicas=%d", c.replicas), "run", "push rev=b2",
	}
}

// begin tells the story until a new revision is pushed.
func (c scope) begin() (*story, error) {
	p := newStory()
	p.play.Tell, p.off = nil, c.off
	if p.spec = c.spec; p.write() != nil {
		return nil, p.write()
	}
	for _, line := range c.beginning() {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
	}
	return p, nil
}

// rests sees that a rollout which does nothing any more has come to an end, or waits for a
// person, and that somebody answers its users.
func (c scope) rests(p *story) (waits bool, err error) {
	s := p.play.State()
	for name, service := range p.play.World.Services {
		if sum(service.Endpoints) == 0 {
			return false, fmt.Errorf("it rests, and nobody answers behind Service %s: %s", name, p.summary())
		}
	}
	if s.Candidate != nil && s.Phase == strategies.Paused {
		return true, nil
	}
	r := s.RejectionOf(p.play.Git.Wanted.Revision)
	if s.Candidate != nil || s.Back != nil || s.Warm != nil || r == nil && s.Phase != strategies.Healthy || r != nil && s.Phase != strategies.Degraded {
		return false, fmt.Errorf("it does not come to an end: %s", p.summary())
	}
	if r == nil && s.Stable.Revision != p.play.Git.Wanted.Revision {
		return false, fmt.Errorf("it ends with another revision than Git asks for: %s", p.summary())
	}
	for name, service := range p.play.World.Services {
		// A hand's count stays as an autoscaler's would.
		if service.Selects != strategies.Only(s.Stable.Color) || service.Endpoints[s.Stable.Color] != p.play.World.Slot("web", s.Stable.Color).Desired {
			return false, fmt.Errorf("Service %s does not reach all of stable: %s", name, p.summary())
		}
	}
	return false, nil
}

// story is a way as a story below testdata: what was told is the tester's to judge.
func (c scope) story(path []string) string {
	p := newStory()
	p.off = c.off
	var b strings.Builder
	fmt.Fprintf(&b, "# SPEC ?: what went wrong, and why.\n\n")
	p.spec = c.spec
	fmt.Fprintf(&b, "rollout\n%s\n----\nok\n", c.spec)
	if err := p.write(); err != nil {
		return err.Error()
	}
	for _, line := range append(c.beginning(), path...) {
		cmd, args, err := datadriven.ParseLine(line)
		said := ""
		if err == nil {
			said, err = p.tell(cmd, args, "")
		}
		if err != nil {
			said = err.Error() + "\n"
		}
		fmt.Fprintf(&b, "\n%s\n----\n%s", line, said)
		if p.broken != nil {
			fmt.Fprintf(&b, "BROKEN %v\n", p.broken)
			break
		}
	}
	return b.String()
}

// scopes are searched with so many troubles. The pods, the Services and the clock keep to
// whole seconds, so that ways meet again.
func scopes(troubles int) []scope {
	const (
		rest   = "\nprogressDeadlineSeconds: 12"
		one    = "maxSurge: 1\n    maxUnavailable: 0"
		router = "trafficRouting: {nginx: {stableIngress: web}}\n    abortScaleDownDelaySeconds: 3\n    " + one
	)
	canary := func(budget string, steps ...string) string {
		return "strategy:\n  canary:\n    steps:\n    - " + strings.Join(steps, "\n    - ") + "\n    " + budget + "\n    scaleDownDelaySeconds: 8" + rest
	}
	blueGreen := func(gate string) string {
		return "strategy:\n  blueGreen: {" + gate + ", scaleDownDelaySeconds: 8, abortScaleDownDelaySeconds: 3}" + rest
	}
	timed := []string{"setWeight: 50", "pause: {duration: 3}", "setWeight: 80"}
	gated := []string{"setWeight: 34", "pause: {}", "setWeight: 67"}
	routed := []string{"setWeight: 50", "pause: {}", "setWeight: 100"}
	if troubles > 2 {
		timed, gated, routed = append(timed, "pause: {duration: 2}"), append(gated, "pause: {duration: 2}"), append(routed, "pause: {duration: 2}")
	}
	all := []struct {
		scope
		floors [2]int // with one trouble, with two
	}{
		{scope{name: "canary", spec: canary(one, timed...), replicas: 1}, [2]int{1100, 47000}},
		{scope{name: "canary", spec: canary(one, timed...), replicas: 2}, [2]int{1900, 91000}},
		{scope{name: "canary with a gate", spec: canary("maxSurge: 0\n    maxUnavailable: 1", gated...), replicas: 3}, [2]int{780, 26000}},
		{scope{name: "canary by router", spec: canary(router, routed...), replicas: 2}, [2]int{1000, 41000}},
		{scope{name: "canary by router", spec: canary(router, "setWeight: 20"), replicas: 3}, [2]int{2100, 121000}},
		{scope{name: "rolling update", spec: "strategy:\n  rollingUpdate: {maxSurge: 1, maxUnavailable: 0}" + rest, replicas: 2}, [2]int{1450, 64000}},
		{scope{name: "blue-green with a gate", spec: blueGreen("autoPromotionEnabled: false"), replicas: 2}, [2]int{590, 20000}},
		{scope{name: "blue-green", spec: blueGreen("autoPromotionSeconds: 3, previewReplicaCount: 1"), replicas: 3}, [2]int{1500, 76000}},
	}
	var searched []scope
	for _, c := range all {
		c.troubles, c.floor = troubles, c.floors[min(troubles, 2)-1]
		searched = append(searched, c.scope)
	}
	return searched
}
