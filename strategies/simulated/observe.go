package simulated

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/kexal/kexal/strategies"
)

// observe completes what the cluster shows with what Git says.
func (p *Play) observe(was strategies.State) (strategies.Spec, strategies.Observation) {
	obs := strategies.Observation{
		At: p.World.Now.Add(p.ahead), Jumped: p.unmoved, TookOver: p.epoch == 0 || p.epoch != was.Epoch, Away: p.away, Workloads: map[string]strategies.Slots{},
		Strangers: p.World.Strangers, Runs: p.facts(),
	}
	spec := strategies.Spec{}
	if was.Spec != nil {
		spec = *was.Spec
	}
	g := &p.Git
	switch {
	case g.Gone:
		obs.Removed, obs.Held = true, "rollout.yaml is removed from Git; objects kept"
		obs.Mistakes = []strategies.Problem{{Message: obs.Held}}
	case g.Unread || g.Wanted == nil:
		// What is held now is so for what the cluster shows, and what Git held before stays so.
		obs.Unread, obs.Held, obs.Mistakes = true, g.Held, was.Mistakes
	case g.mistake != nil:
		spec.Intents, obs.Held = g.rollout.Spec.Intents, strategies.Problems(g.mistake)[0].Message
		obs.Mistakes = []strategies.Problem{{Message: obs.Held}}
	case g.Held != "":
		spec.Intents, obs.Held = g.rollout.Spec.Intents, g.Held
		obs.Mistakes = []strategies.Problem{{Message: obs.Held}}
	default:
		w := *g.Wanted
		w.Services, w.Previews = map[string]json.RawMessage{}, map[string]map[string]string{}
		w.Seen = p.digest()
		for name := range w.Selectors {
			w.Services[name] = json.RawMessage(g.shared())
			if g.rollout.Spec.Previews {
				w.Previews[name+"-preview"] = w.Selectors[name]
			}
		}
		if g.previews != nil {
			w.Previews = g.previews
		}
		spec, obs.Wanted = g.rollout.Spec, &w
		if len(spec.Canary.Routers) > 0 && p.World.Router == nil {
			p.World.Router = &Router{} // it comes with the release
		}
	}
	obs.Router = p.World.Router.view()
	if r := obs.Router; r != nil {
		obs.Epoch = max(obs.Epoch, r.Epoch)
	}
	workloads := map[string]bool{}
	for _, t := range tracksOf(was) {
		for name := range t.Workloads {
			workloads[name] = true
		}
	}
	if obs.Wanted != nil {
		for name := range obs.Wanted.Workloads {
			workloads[name] = true
		}
	}
	for name := range workloads {
		slots := strategies.Slots{}
		for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
			slots[c] = p.World.Slot(name, c)
			obs.Epoch = max(obs.Epoch, slots[c].Epoch)
		}
		obs.Workloads[name] = slots
	}
	names, recorded := map[string]bool{}, map[string]bool{}
	for _, t := range tracksOf(was) {
		for name := range t.Selectors {
			names[name], recorded[name] = true, true
		}
	}
	if obs.Wanted != nil {
		obs.Missing = p.World.config == ""
		obs.Changed = p.World.config != g.shared()
		for name := range g.Wanted.Selectors {
			names[name] = true
			if s := p.World.Services[name]; s == nil {
				obs.Missing, obs.Changed = true, true
				obs.Gone = obs.Gone || recorded[name]
			} else if s.digest != g.shared() {
				obs.Changed = true
			}
		}
	}
	previews := map[string]bool{}
	if obs.Wanted != nil {
		for name := range obs.Wanted.Previews {
			previews[name] = true
			if p.World.Previews[name] == nil {
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
	for _, name := range slices.Sorted(maps.Keys(p.World.Previews)) {
		if obs.Wanted != nil && obs.Wanted.Previews[name] == nil {
			obs.Leftover = append(obs.Leftover, "Service/"+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(previews)) {
		v := p.World.Previews[name].view(name, tracksOf(was))
		if s := p.World.Previews[name]; s != nil && obs.Wanted != nil && s.digest != g.shared() {
			v.Differs, obs.Changed = true, true
		}
		obs.Previews = append(obs.Previews, v)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		v := p.World.Services[name].view(name, tracksOf(was))
		obs.Epoch = max(obs.Epoch, v.Epoch)
		obs.Services = append(obs.Services, v)
	}
	return spec, obs
}

// digest is one of all that is read from Git.
func (p *Play) digest() string {
	g, seen := &p.Git, &p.seen
	if seen.wanted != g.Wanted || seen.shared != g.Shared || seen.file != g.file {
		seen.wanted, seen.shared, seen.file = g.Wanted, g.Shared, g.file
		w := *g.Wanted
		w.Services, w.Previews = map[string]json.RawMessage{}, map[string]map[string]string{}
		seen.digest = fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, w, g.shared(), g.file)))[:8]
	}
	return seen.digest
}

// lost makes the record again when it is gone and the namespace is not empty.
func (p *Play) lost() (was strategies.State, proceed bool) {
	live := len(p.World.Services) > 0
	revisions := map[strategies.Color]string{}
	for _, workload := range p.World.workloads() {
		for c, d := range p.World.Slots[workload] {
			if d != nil {
				live, revisions[c] = true, d.Revision
			}
		}
	}
	if !live && p.Ledger == nil {
		return strategies.State{}, p.Git.Wanted != nil
	}
	if p.Git.Wanted == nil || p.Ledger == nil {
		return strategies.State{}, false
	}
	colors, provisional := strategies.Known(p.Git.Wanted.Track, revisions, *p.Ledger)
	spec, obs := p.observe(provisional)
	if obs.Wanted == nil {
		return strategies.State{}, false
	}
	if !live {
		return strategies.State{}, p.Ledger.Stable == nil || p.Ledger.Stable.Revision == obs.Wanted.Revision
	}
	was, err := strategies.Rebuild(spec, *p.Ledger, colors, obs)
	if err != nil {
		p.held(err)
		return strategies.State{}, false
	}
	was.Spec = &spec
	p.tell(Event{Kind: Rebuilt, Text: fmt.Sprintf("rebuilt at step %d from the ledger and what is live", was.Step), State: was})
	return was, true
}
