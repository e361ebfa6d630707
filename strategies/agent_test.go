package strategies

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A play is all that a rollout plays in: Git, a namespace, the record and the agent that
// may die. Its loop is the agent's: observe, decide, record and act in the order that
// the plan asks for, look again when something changes or when the plan says so.
type play struct {
	world  *world
	git    git
	record string  // state.json; empty = gone, or never written
	ledger *Status // as published last
	mute   bool    // nothing reaches the ledger

	epoch    int64  // that this agent recorded; 0 = it has taken over nothing yet
	dies     string // where it dies in its next decision that does something
	diesAt   int    // of which decision, counted from 1; 0 = the next
	deeds    int    // decisions that did something
	acts     int    // the most actions of one decision
	guards   Guards
	sentence string // as printed last
	users    string // as printed last
	told     string // the refused action that was printed last
	said     strings.Builder
	broken   string // the first promise that was broken
}

// git is what the followed branch says.
type git struct {
	spec    string // the fields under `spec:`, without intents
	intents string
	wanted  *Wanted
	pushes  int
	digest  string // of the objects that are no Deployment
	held    string // the commit cannot be acted on
	gone    bool   // rollout.yaml is removed
	unread  bool   // this agent could not read the mirror yet
}

func newPlay() *play { return &play{world: newWorld(), git: git{digest: "1"}} }

func (p *play) clone() *play {
	c := &play{
		world: p.world.clone(), git: p.git, record: p.record, ledger: p.ledger, mute: p.mute,
		epoch: p.epoch, dies: p.dies, diesAt: p.diesAt, deeds: p.deeds, guards: p.guards, sentence: p.sentence, users: p.users, broken: p.broken,
	}
	if p.git.wanted != nil {
		w := *p.git.wanted
		c.git.wanted = &w
	}
	return c
}

func (p *play) say(format string, args ...any) { fmt.Fprintf(&p.said, format+"\n", args...) }

func (p *play) breaks(format string, args ...any) {
	if p.broken == "" {
		p.broken = fmt.Sprintf("%s: ", p.world.now.Format("15:04:05.0")) + fmt.Sprintf(format, args...)
	}
}

// rolloutYAML is the file as its author has it.
func (p *play) rolloutYAML() string {
	indent := func(text string) string {
		var b strings.Builder
		for line := range strings.Lines(text) {
			b.WriteString("  " + line)
		}
		return b.String()
	}
	return "apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n" +
		indent(p.git.spec+"\n"+p.git.intents)
}

// decodings are kept: a play reads the same file again and again.
var decodings sync.Map

func decodeOnce(text string) (Rollout, error) {
	type decoding struct {
		rollout Rollout
		err     error
	}
	if kept, ok := decodings.Load(text); ok {
		d := kept.(decoding)
		return d.rollout, d.err
	}
	r, err := Decode("rollout.yaml", []byte(text))
	decodings.Store(text, decoding{r, err})
	return r, err
}

func (p *play) state() State {
	var s State
	if p.record != "" {
		if err := json.Unmarshal([]byte(p.record), &s); err != nil {
			p.breaks("the record cannot be read: %v", err)
		}
	}
	return s
}

// observe completes what the cluster shows with what Git says.
func (p *play) observe(was State) (Spec, Observation) {
	obs := Observation{
		At: p.world.now, TookOver: p.epoch == 0 || p.epoch != was.Epoch, Slots: map[Color]Slot{},
		Strangers: p.world.strangers, Off: p.guards,
	}
	spec := Spec{}
	if was.Spec != nil {
		spec = *was.Spec
	}
	g := p.git
	decoded, err := decodeOnce(p.rolloutYAML())
	switch {
	case g.gone:
		obs.Removed, obs.Held = true, "rollout.yaml is removed from Git; objects kept"
	case g.unread || g.wanted == nil:
	case err != nil:
		spec.Intents, obs.Held = decoded.Spec.Intents, Problems(err)[0].Message
	case g.held != "":
		spec.Intents, obs.Held = decoded.Spec.Intents, g.held
	default:
		w := *g.wanted
		w.Services, w.Previews = map[string]json.RawMessage{}, map[string]map[string]string{}
		w.Seen = fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, w, g.digest, p.rolloutYAML())))[:8]
		for name := range w.Selectors {
			w.Services[name] = json.RawMessage(g.digest)
			if decoded.Spec.Previews {
				w.Previews[name+"-preview"] = w.Selectors[name]
			}
		}
		spec, obs.Wanted = decoded.Spec, &w
	}
	for _, c := range []Color{Blue, Green} {
		obs.Slots[c] = p.world.slot(c)
		obs.Epoch = max(obs.Epoch, obs.Slots[c].Epoch)
	}
	names, recorded := map[string]bool{}, map[string]bool{}
	for _, t := range tracksOf(was) {
		for name := range t.Selectors {
			names[name], recorded[name] = true, true
		}
	}
	if obs.Wanted != nil {
		obs.Missing = p.world.config == ""
		obs.Changed = p.world.config != g.digest
		for name := range g.wanted.Selectors {
			names[name] = true
			if s := p.world.services[name]; s == nil {
				obs.Missing, obs.Changed = true, true
				obs.Gone = obs.Gone || recorded[name]
			} else if s.digest != g.digest {
				obs.Changed = true
			}
		}
	}
	previews := map[string]bool{}
	if obs.Wanted != nil {
		for name := range obs.Wanted.Previews {
			previews[name] = true
			if p.world.previews[name] == nil {
				obs.Missing, obs.Changed = true, true
				for _, t := range tracksOf(was) {
					obs.Gone = obs.Gone || t.Previews[name] != nil
				}
			}
		}
	}
	for _, t := range tracksOf(was) {
		for name := range t.Previews {
			previews[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.world.previews)) {
		if obs.Wanted != nil && obs.Wanted.Previews[name] == nil {
			obs.Leftover = append(obs.Leftover, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(previews)) {
		v := p.world.previews[name].view(name, tracksOf(was))
		if s := p.world.previews[name]; s != nil && obs.Wanted != nil && s.digest != g.digest {
			v.Differs, obs.Changed = true, true
		}
		obs.Previews = append(obs.Previews, v)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		v := p.world.services[name].view(name, tracksOf(was))
		obs.Epoch = max(obs.Epoch, v.Epoch)
		obs.Services = append(obs.Services, v)
	}
	return spec, obs
}

// lost makes the record again when it is gone and the namespace is not empty.
func (p *play) lost() (was State, proceed bool) {
	live := len(p.world.services) > 0
	colors, provisional := map[Color]Track{}, State{}
	for _, c := range []Color{Blue, Green} {
		if d := p.world.slots[c]; d != nil && p.git.wanted != nil {
			live = true
			t := p.git.wanted.Track
			t.Color, t.Revision = c, d.revision
			colors[c] = t
			if c == Blue {
				provisional.Stable = &t
			} else {
				provisional.Candidate = &t
			}
		}
	}
	if !live && p.ledger == nil {
		return State{}, p.git.wanted != nil
	}
	spec, obs := p.observe(provisional)
	if obs.Wanted == nil || p.ledger == nil {
		return State{}, false
	}
	if !live {
		return State{}, p.ledger.Stable == nil || p.ledger.Stable.Revision == obs.Wanted.Revision
	}
	was, err := Rebuild(spec, *p.ledger, colors, obs)
	if err != nil {
		if text := "held: " + err.Error(); text != p.sentence {
			p.sentence = text
			p.say("%s", text)
		}
		return State{}, false
	}
	was.Spec = &spec
	p.say("rebuilt at step %d from the ledger and what is live", was.Step)
	return was, true
}

// turn observes and decides once. It reports whether anything was written, and when to
// look again.
func (p *play) turn() (wrote bool, recheck time.Time) {
	was := p.state()
	if p.record == "" {
		var proceed bool
		if was, proceed = p.lost(); !proceed {
			return false, time.Time{}
		}
	}
	spec, obs := p.observe(was)
	plan := p.decide(spec, was, obs)
	text, _ := json.Marshal(plan.Next)
	changed := string(text) != p.record
	if !changed && len(plan.Actions) == 0 {
		return false, plan.Recheck
	}
	p.deeds++
	p.acts = max(p.acts, len(plan.Actions))
	dies := ""
	if p.dies != "" && (p.diesAt == 0 || p.diesAt == p.deeds) {
		dies, p.dies = p.dies, ""
	}
	wrote = changed
	write := func() {
		if !changed {
			return
		}
		p.record, p.epoch = string(text), plan.Next.Epoch
		sentence := fmt.Sprintf("%s %s: %s", plan.Next.Phase, plan.Next.Reason, plan.Next.Message)
		if sentence != p.sentence {
			p.sentence = sentence
			p.say("record %s", sentence)
		}
		if !p.mute {
			st := plan.Next.Status("web", "shop", nil)
			p.ledger = &st
		}
	}
	act := func(most int) {
		for i, a := range plan.Actions {
			if i == most {
				return
			}
			did, err := p.act(a, plan, obs)
			wrote = wrote || did
			if err != nil {
				p.breaks("%v", err)
				return
			}
		}
	}
	afterAct := -1
	if _, err := fmt.Sscanf(dies, "after-act=%d", &afterAct); err != nil {
		afterAct = -1
	}
	switch {
	case dies == "":
		if plan.ActFirst {
			act(-1)
			write()
		} else {
			write()
			act(-1)
		}
		return wrote, plan.Recheck
	case dies == "before-record" && plan.ActFirst:
		act(-1)
	case dies == "before-record":
	case dies == "after-record" && plan.ActFirst:
		act(-1)
		write()
	case dies == "after-record":
		write()
	case plan.ActFirst:
		act(afterAct)
	default:
		write()
		act(afterAct)
	}
	p.epoch = 0
	p.say("the agent dies %s; another takes over", dies)
	return true, time.Time{}
}

// decide calls Decide, and sees that it keeps to what it promises: the same arguments
// give the same plan, and none of them is changed.
func (p *play) decide(spec Spec, was State, obs Observation) Plan {
	facts := func() string {
		text, _ := json.Marshal([]any{spec, was, obs})
		return string(text)
	}
	told := func(plan Plan) string {
		text, _ := json.Marshal([]any{plan.Next, plan.ActFirst, plan.Recheck})
		return string(text) + fmt.Sprint(plan.Actions)
	}
	before := facts()
	plan := Decide(spec, was, obs)
	again := Decide(spec, was, obs)
	if facts() != before {
		p.breaks("Decide changed its arguments")
	}
	if told(plan) != told(again) {
		p.breaks("Decide says two things of the same facts")
	}
	return plan
}

// refused tells that the server says no, once: it is tried again and again.
func (p *play) refused(a Action) {
	if text := a.String(); p.told != text {
		p.told = text
		p.say("refused %s", text)
	}
}

func (p *play) act(a Action, plan Plan, obs Observation) (bool, error) {
	before := p.world.clone()
	did, err := p.world.act(a, plan.Next, obs, obs.Wanted, p.git.digest)
	if errors.Is(err, errRefused) {
		p.refused(a)
		err = nil
	}
	if err != nil || !did {
		return did, err
	}
	p.say("do %s", a)
	c := change{action: a, plan: plan, before: before, after: p.world, record: p.state(), agent: p.epoch, n: plan.Next.Replicas}
	if obs.Wanted != nil {
		c.n = obs.Wanted.Replicas
	}
	for _, promise := range promises {
		if why := promise.broken(c); why != "" {
			p.breaks("%s: %s: %s", promise.name, a, why)
		}
	}
	return true, nil
}

// run lets the agent work until nothing happens any more, or for a while.
func (p *play) run(during time.Duration) {
	end := p.world.now.Add(during)
	writes := 0
	for range 5000 {
		p.world.settle()
		p.show()
		if p.broken != "" {
			return
		}
		wrote, recheck := p.turn()
		if p.broken != "" {
			return
		}
		if wrote {
			if writes++; writes > 100 {
				p.breaks("it does not come to rest")
				return
			}
			continue
		}
		writes = 0
		next := p.world.next()
		if !recheck.IsZero() && !recheck.After(p.world.now) {
			p.breaks("it wants to look again at once, though nothing changed")
			return
		}
		if !recheck.IsZero() && (next.IsZero() || recheck.Before(next)) {
			if wait := recheck.Sub(p.world.now); wait >= time.Second {
				p.say("recheck in %s", wait.Round(100*time.Millisecond))
			}
			next = recheck
		}
		switch {
		case during > 0 && (next.IsZero() || next.After(end)):
			p.world.now = end
			p.world.settle()
			p.show()
			return
		case next.IsZero():
			return
		}
		p.world.now = next
	}
	p.breaks("it runs for ever")
}

// show prints where the Services send users, when that changed.
func (p *play) show() {
	parts := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(p.world.services)) {
		s := p.world.services[name]
		text := "nobody answers"
		switch blue, green := s.slices[Blue], s.slices[Green]; {
		case blue > 0 && green > 0:
			text = fmt.Sprintf("%d%% blue, %d%% green", 100-share(green, blue), share(green, blue))
		case blue > 0:
			text = "100% blue"
		case green > 0:
			text = "100% green"
		}
		parts[text] = append(parts[text], name)
	}
	var texts []string
	for _, text := range slices.Sorted(maps.Keys(parts)) {
		if len(parts) == 1 {
			texts = append(texts, text)
		} else {
			texts = append(texts, strings.Join(parts[text], " and ")+" "+text)
		}
	}
	if now := strings.Join(texts, "; "); now != p.users && now != "" {
		p.users = now
		p.say("live %s", now)
	}
}
