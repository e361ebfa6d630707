package strategies_test

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// TestExhaustive visits every state that small rollouts come to with at most two troubles:
// faults, things that people do, moments for which the agent is late. Every effect on the way
// keeps every promise, and from every state the rollout comes to rest when nothing more
// befalls it. It fails when there are fewer states than there were.
//
// With -short and under the race detector there is one trouble, with SOAK=1 there are three.
func TestExhaustive(t *testing.T) {
	troubles := 2
	switch {
	case os.Getenv("SOAK") != "":
		troubles = 3
	case raced || testing.Short():
		troubles = 1
	}
	before := debug.SetGCPercent(400) // little of it lives long
	t.Cleanup(func() { debug.SetGCPercent(before) })
	for _, c := range scopes(troubles) {
		t.Run(fmt.Sprintf("%s of %d", c.name, c.replicas), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			s := &search{scope: c}
			if s.run(); s.broken > 0 {
				t.Errorf("%d ways break a promise; the shortest is\n\n%s\n%v", s.broken, c.story(s.path), s.why)
			}
			t.Logf("%s of %d: %d states (at least %d), %d transitions, %d steps deep, %d at rest, %.1f s",
				c.name, c.replicas, s.states, c.floor, s.transitions, s.deepest, s.rests, time.Since(began).Seconds())
			if s.states < c.floor && !t.Failed() {
				t.Errorf("only %d states were visited, at least %d are there: the search has shrunk", s.states, c.floor)
			}
		})
	}
}

// TestExhaustiveCatches: a search sees that a guard is switched off.
func TestExhaustiveCatches(t *testing.T) {
	for name, off := range map[string]strategies.Guards{"readiness": {Ready: true}, "drain": {Drain: true}} {
		for _, c := range scopes(1) {
			if name == "drain" && strings.Contains(c.spec, "autoPromotionEnabled: false") {
				continue // with one trouble nobody goes to the candidate, or nobody comes back
			}
			s := &search{scope: c}
			s.scope.off = off
			if s.run(); s.broken == 0 {
				t.Errorf("%s of %d: without the guard of %s all promises are kept in %d states", c.name, c.replicas, name, s.states)
			} else {
				t.Logf("%s of %d without the guard of %s, after %d lines: %v", c.name, c.replicas, name, len(s.path), s.why)
			}
		}
	}
}

// forgotten is longer than any duration that counts in a scope.
const forgotten = 16 * time.Second

// A search visits every state that a scope comes to, in whatever order the agent, the clock,
// faults and people take their turns.
//
// What a state may still suffer is no part of it: one that was visited with more to suffer
// is not visited again with less. So the states are visited in the order of what they
// suffered, and from those that suffered as much breadth first.
type search struct {
	scope scope
	nodes []node
	known map[simulated.Digest]*visit
	queue [][]int32 // by how much was suffered
	last  []int32   // those that suffered all that they may

	states, transitions, rests int
	deepest                    int32
	broken                     int      // ways that break a promise
	path                       []string // the shortest of them
	why                        error
}

// A node is one way to a state.
type node struct {
	play     *story // nil = it was gone on from
	from     int32  // the node that it came from
	by       string // the lines between the two
	depth    int32
	suffered suffered
	state    *visit
}

// A visit is a state, and how it goes on when nothing befalls it any more.
type visit struct {
	by     []suffered // none of which is a part of another
	first  int32      // the first node that came to it
	calm   *visit     // nil = it rests, or is not gone on from yet
	rests  bool
	digest simulated.Digest
	mark   int // of the walk that looks for circles
}

// suffered is what befell a state on its way: how many faults, and what people did.
type suffered struct {
	faults int
	late   int    // moments that came before the agent took the turn that it had to take
	people uint32 // one bit for each thing of the scope's
}

func (s suffered) all() int { return s.faults + s.late + bits.OnesCount32(s.people) }

// within tells that whatever may befall o may befall s.
func (s suffered) within(o suffered) bool {
	return s.faults <= o.faults && s.late <= o.late && s.people&^o.people == 0
}

// run searches all of the scope.
func (s *search) run() {
	first, err := s.scope.begin()
	if err != nil {
		s.fail(0, nil, err)
		return
	}
	s.known = map[simulated.Digest]*visit{}
	s.queue = make([][]int32, s.scope.troubles)
	s.reach(node{play: first, from: -1})
	for layer := range s.queue {
		for i := 0; i < len(s.queue[layer]); i++ {
			s.expand(s.queue[layer][i])
			// What suffers no more only goes on, and needs not be kept until then.
			for len(s.last) > 0 {
				i := s.last[len(s.last)-1]
				s.last = s.last[:len(s.last)-1]
				s.expand(i)
			}
		}
		s.queue[layer] = nil
	}
	if s.broken == 0 {
		s.circles()
	}
}

// bears tells that a state may suffer more.
func (s *search) bears(now suffered) bool { return now.all() < s.scope.troubles }

// reach notes a node, and that it is to be gone on from when its state is new with what it
// suffered.
func (s *search) reach(n node) *visit {
	digest := n.play.play.Digest(forgotten)
	v := s.known[digest]
	if v == nil {
		v = &visit{digest: digest, first: int32(len(s.nodes))}
		s.known[digest] = v
		s.states++
	}
	if slices.ContainsFunc(v.by, func(before suffered) bool { return before.within(n.suffered) }) {
		return v
	}
	v.by = append(slices.DeleteFunc(v.by, n.suffered.within), n.suffered)
	if n.from >= 0 {
		n.depth = s.nodes[n.from].depth + 1
	}
	s.deepest = max(s.deepest, n.depth)
	n.state = v
	s.nodes = append(s.nodes, n)
	i := int32(len(s.nodes) - 1)
	if suffered := n.suffered.all(); suffered < len(s.queue) {
		s.queue[suffered] = append(s.queue[suffered], i)
	} else {
		s.last = append(s.last, i)
	}
	return v
}

// goes makes one transition. The play is the search's to change.
func (s *search) goes(from int32, p *story, now suffered, lines ...string) *visit {
	s.transitions++
	for _, line := range lines {
		if err := p.line(line); err != nil {
			s.fail(from, lines, err)
			return nil
		}
	}
	return s.reach(node{play: p, from: from, by: strings.Join(lines, "\n"), suffered: now})
}

// line plays a directive, and gives the promise that it breaks.
func (p *story) line(line string) error {
	cmd, args, err := datadriven.ParseLine(line)
	if err == nil {
		_, err = p.tell(cmd, args, "")
	}
	if err == nil {
		err = p.broken
	}
	return err
}

// expand goes on from a state in all ways.
func (s *search) expand(i int32) {
	n := s.nodes[i]
	s.nodes[i].play = nil
	if !slices.Contains(n.state.by, n.suffered) {
		return // somebody came to it having suffered less
	}
	acts := 0
	turn := n.play.silent()
	turn.play.Watch = func(e simulated.Effect) {
		acts++
		turn.keeps(e)
	}
	wrote, err := turn.play.Turn()
	turn.play.Watch = turn.keeps
	for told := 0; err == nil && wrote && acts == 0 && turn.play.Digest(forgotten) == n.state.digest; told++ {
		if told > 3 {
			err = errors.New("it tells one thing after the other, and does nothing")
			break
		}
		wrote, err = turn.play.Turn() // it told something, that is all
	}
	switch {
	case err != nil:
		s.fail(i, []string{"turn"}, err)
		return
	case wrote:
		s.transitions++
		n.state.calm = s.reach(node{play: turn, from: i, by: "turn", suffered: n.suffered})
		if slow := n.play.silent(); s.bears(n.suffered) && slow.play.Tick() {
			s.transitions++
			later := n.suffered
			later.late++
			s.reach(node{play: slow, from: i, by: "tick", suffered: later})
		}
	case turn.play.Tick():
		s.transitions++
		n.state.calm = s.reach(node{play: turn, from: i, by: "turn\ntick", suffered: n.suffered})
	case n.state.rests || n.state.calm != nil:
	default:
		s.rests++
		waits, err := s.scope.rests(turn)
		if err != nil {
			s.fail(i, []string{"run", "status"}, err)
		}
		if n.state.rests = !waits; waits {
			// Somebody lets it through in the end, and nothing else befalls it on the way.
			after := n.suffered
			after.faults = s.scope.troubles
			n.state.calm = s.goes(i, turn, after, "intent promote="+turn.play.Git.Wanted.Revision)
		}
	}
	if s.bears(n.suffered) {
		worse := n.suffered
		worse.faults++
		for _, lines := range faults(n.play, wrote, acts) {
			s.goes(i, n.play.silent(), worse, lines...)
		}
		for bit, line := range people(n.play) {
			if now := n.suffered; line != "" && now.people&(1<<bit) == 0 {
				now.people |= 1 << bit
				s.goes(i, n.play.silent(), now, line)
			}
		}
	}
}

// circles sees that from every state the rollout comes to rest when nothing befalls it any
// more.
func (s *search) circles() {
	walk := 0
	for _, start := range s.known {
		walk++
		for v := start; v != nil; v = v.calm {
			if v.mark == walk {
				s.fail(v.first, []string{"run", "status"}, fmt.Errorf("it does not come to rest"))
			}
			if v.mark != 0 {
				break
			}
			if v.mark = walk; v.calm == nil && !v.rests {
				s.fail(v.first, nil, fmt.Errorf("nothing is known of how it goes on"))
			}
		}
	}
}

// fail notes a promise that is broken, and the shortest way there.
func (s *search) fail(at int32, last []string, why error) {
	path := last
	for ; at >= 0 && len(s.nodes) > 0; at = s.nodes[at].from {
		if by := s.nodes[at].by; by != "" {
			path = append(strings.Split(by, "\n"), path...)
		}
	}
	if s.broken++; s.broken == 1 || len(path) < len(s.path) {
		s.path, s.why = path, why
	}
}

// silent is the story once more, with nobody who listens.
func (p *story) silent() *story {
	c := p.clone()
	c.play.Tell = nil
	c.play.Decide = func(spec strategies.Spec, was strategies.State, obs strategies.Observation) strategies.Plan {
		obs.Off = c.off
		return strategies.Decide(spec, was, obs)
	}
	return c
}
