package simulated

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/kexal/kexal/strategies"
)

// At is a play that stands where a state stands, at a moment: what the record of a real
// namespace leads to can be played from there.
//
// A state holds no counts and no pods. What it tells of the weight is brought about by
// Decide itself, in no time; all pods that are there are ready. What is asked for next
// starts as in any play, analyses too.
func At(name, namespace string, state strategies.State, now time.Time) (*Play, error) {
	if state.Schema > strategies.SchemaVersion {
		return nil, fmt.Errorf("the state was written by a newer version of kexal")
	}
	if state.Spec == nil {
		return nil, fmt.Errorf("the state has no spec: nothing was ever acted on")
	}
	text, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	p := New(now)
	p.Git.rollout = strategies.Rollout{Name: name, Namespace: namespace, Spec: *state.Spec}
	p.Git.mistake = nil
	p.Git.Wanted = wantedBy(state)
	p.Git.previews = map[string]map[string]string{}
	for _, t := range tracksOf(state) {
		if len(p.Git.previews) == 0 {
			maps.Copy(p.Git.previews, t.Previews)
		}
	}
	p.Git.Gone = state.Back != nil && state.Back.Why == "rollout.yaml is gone from Git"
	if err := p.place(state); err != nil {
		return nil, err
	}
	p.Record, p.epoch = string(text), state.Epoch
	p.sentence = fmt.Sprintf("%s %s: %s", state.Phase, state.Reason, state.Message)
	switch {
	case len(state.Mistakes) > 0: // also where something else is told now
		p.Git.Held = strategies.Sentence(state.Mistakes)
	case state.Reason == strategies.Held:
		p.Git.Held = state.Message
	}
	if p.Git.Wanted != nil {
		// What the agent saw then is what it sees now: only a commit would change that.
		_, obs := p.observe(state)
		if obs.Wanted != nil {
			state.Seen = obs.Wanted.Seen
			if text, err = json.Marshal(state); err != nil {
				return nil, err
			}
			p.Record = string(text)
		}
	}
	p.moved()
	return p, nil
}

// revision is what they all look like (SPEC 2.1).
var revision = regexp.MustCompile(`\b[0-9a-f]{10}\b`)

// wantedBy is what Git asks for by a state. One that is neither tried nor stable nor
// rejected waits for something, and stands in the sentence that says so.
func wantedBy(s strategies.State) *strategies.Wanted {
	var t *strategies.Track
	waits := ""
	switch {
	case s.Back != nil && (s.Back.Cause == strategies.ByNewer || s.Back.Cause == strategies.ByRollback):
		waits = revision.FindString(s.Back.Why)
	case s.Candidate != nil:
		t = s.Candidate
	case s.Stable == nil:
		return nil
	case len(s.Rejected) > 0:
		waits = s.Rejected[0].Revision
	case s.Reason == strategies.Queued, s.Reason == strategies.PausedByIntent:
		for _, r := range revision.FindAllString(s.Message, -1) {
			if r != s.Stable.Revision {
				waits = r
			}
		}
	}
	if t == nil {
		for _, known := range tracksOf(s) {
			if waits == "" || known.Revision == waits || t == nil {
				t = known
			}
			if known.Revision == waits {
				break
			}
		}
		if waits == "" {
			t = s.Stable
		}
	}
	w := strategies.Wanted{Track: *t, Sizes: map[string]int32{}, Source: s.Source, Digest: s.Digest}
	for name := range t.Workloads {
		w.Sizes[name] = s.Sizes[name].Pods
	}
	if waits != "" && t.Revision != waits {
		w.Revision, w.Images = waits, nil
	}
	w.Color, w.Attempt = "", 0
	if w.Commit == "" {
		w.Commit = w.Source.Commit
	}
	return &w
}

// place makes the namespace that a state implies.
func (p *Play) place(s strategies.State) error {
	w := p.World
	mark := stamped{epoch: s.Epoch, step: s.Step}
	for _, t := range tracksOf(s) {
		for name := range t.Selectors {
			w.Services[name] = nil
		}
		for name := range t.Previews {
			w.Previews[name] = nil
		}
	}
	if s.Stable == nil && s.Candidate == nil {
		clear(w.Services)
		return nil
	}
	serving := s.Stable
	if serving == nil {
		serving = s.Candidate
	}
	w.config = p.Git.shared()
	pin := strategies.Only(serving.Color)
	if s.Stable == nil && s.Spec.FirstGated && !s.Switching {
		pin = strategies.Only(serving.Color.Other()) // the colour that nobody is in
	}
	for name := range w.Services {
		w.Services[name] = newService(serving.Behind(name), pin, s, p.Git.shared())
		w.Services[name].stamped = mark
	}
	for name := range w.Previews {
		w.Previews[name] = newService(serving.Behind(name), strategies.Only(serving.Color), s, p.Git.shared())
		w.Previews[name].stamped = mark
	}
	turned := s.Back != nil && s.Live == 100 && s.SwitchedAt.IsZero()
	if len(s.Spec.Canary.Routers) > 0 {
		w.Router = &Router{stamped: mark}
	}
	for name, size := range s.Sizes {
		stable, other := size.Pods, int32(0) // pods of the colour that serves between rollouts, and of the other
		switch warm := s.Spec.Surge(size.Pods); {
		case turned: // a promotion is taken back
			stable, other = min(size.Pods, warm), size.Pods
		case s.Warm != nil:
			other = min(size.Pods, warm)
		case s.Spare != nil, s.Back != nil && !s.SwitchedAt.IsZero():
			other = size.Pods
		}
		if s.Stable == nil && s.Phase != strategies.Paused {
			stable = 0 // its pods are on their way
		}
		w.stand(name, serving.Color, serving.Revision, stable, mark)
		switch {
		case s.Warm != nil:
			w.stand(name, s.Warm.Old.Color, s.Warm.Old.Revision, other, mark)
		case s.Stable == nil:
		case s.Candidate != nil:
			w.stand(name, s.Candidate.Color, s.Candidate.Revision, other, mark)
		case s.Spare != nil && len(s.Rejected) > 0:
			w.stand(name, s.Spare.Color, s.Rejected[0].Revision, other, mark)
		}
	}
	if turned {
		for _, service := range w.Services {
			service.Selects, service.Revision = strategies.Only(s.Candidate.Color), s.Candidate.Revision
		}
	}
	manners, lag, routerLag := maps.Clone(w.Manners), w.Lag, w.RouterLag
	for c := range w.Manners {
		w.Manners[c] = Manners{}
	}
	w.Lag, w.RouterLag = 0, 0
	if s.Candidate != nil && s.Stable != nil && !turned && s.SwitchedAt.IsZero() {
		if err := p.weigh(s); err != nil {
			return fmt.Errorf("the namespace cannot be made by its state: %w", err)
		}
	}
	w.settle()
	w.Manners, w.Lag, w.RouterLag = manners, lag, routerLag
	for _, pod := range w.pods {
		pod.readyAt = s.Since.Add(-time.Hour) // none of them is new
	}
	aborted := "" // what an abort wrote before it was recorded (SPEC 6.4)
	if s.Back != nil && (s.Back.Cause == strategies.ByPerson || s.Back.Cause == strategies.ByItself) {
		aborted = fmt.Sprintf("%s/%d", s.Candidate.Revision, s.Candidate.Attempt)
	}
	for _, service := range w.Services {
		service.aborted = aborted
	}
	for _, d := range w.deployments() {
		d.aborted = aborted
	}
	if w.Router != nil {
		w.Router.aborted = aborted
	}
	for _, service := range w.fronts() {
		service.Left = map[strategies.Color]time.Time{}
	}
	return nil
}

// stand makes a Deployment with pods that are ready.
func (w *World) stand(workload string, c strategies.Color, revision string, n int32, mark stamped) {
	w.put(workload, c, &Deployment{
		Revision: revision, Desired: n, Paused: true,
		follows: n, startedAt: w.Now.Add(-time.Hour), stamped: mark,
	})
	for range n {
		w.serial++
		w.pods = append(w.pods, &pod{workload: workload, color: c, revision: revision, serial: w.serial, readyAt: w.Now.Add(-time.Hour)})
	}
}

// weigh brings the share of pods and users that a state tells about, by letting Decide
// stand at a gate with it.
func (p *Play) weigh(s strategies.State) error {
	asked, spec := p.Git.rollout.Spec, p.Git.rollout.Spec
	wanted, gone := p.Git.Wanted, p.Git.Gone
	held := *wanted
	held.Track = *s.Candidate
	p.Git.Wanted, p.Git.Gone = &held, false
	spec.Intents = strategies.Intents{}
	there := s
	there.Back, there.Rejected, there.Cap, there.Warm, there.Spare = nil, nil, nil, nil, nil
	there.Step, there.StepAt, there.ProgressAt, there.PausedAt, there.UnreadAt = 1, p.World.Now, p.World.Now, time.Time{}, time.Time{}
	there.Returns, there.Switching, there.Fencing = false, false, false
	if spec.BlueGreen != nil {
		gated := *spec.BlueGreen
		gated.AutoPromotion, gated.PrePromotion = false, nil
		if s.Step > 1 && s.Switching {
			gated.PreviewReplicas = 0 // full size
		}
		if spec.BlueGreen = &gated; s.PreviewAt.IsZero() {
			return nil // its pods are on their way
		}
		there.PreviewAt = p.World.Now
	} else {
		spec.Canary.Analysis = nil
		if steps := s.Spec.Canary.Steps; s.Back != nil || s.Step > len(steps) || s.Step > 0 && steps[s.Step-1].SetWeight != nil {
			there.Asked = s.Live // it is on the way to what was asked
		}
		spec.Canary.Steps = []strategies.Step{{Pause: &strategies.Pause{}}}
	}
	there.Spec = &spec
	p.Git.rollout.Spec = spec
	text, err := json.Marshal(there)
	if err != nil {
		return err
	}
	p.Record, p.epoch = string(text), s.Epoch
	err = p.RunFor(0)
	p.Git.rollout.Spec, p.Git.Wanted, p.Git.Gone = asked, wanted, gone
	p.runs = nil
	p.Record, p.Ledger, p.Decisions, p.MostActs, p.sentence, p.refusal, p.users = "", nil, 0, 0, "", "", ""
	return err
}
