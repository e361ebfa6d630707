package strategies

import (
	"fmt"
	"maps"
	"slices"
)

// Known are the tracks that a lost state is rebuilt from: the revisions that the live
// Deployments hold, by colour, and the one that the ledger calls stable where its Deployment is
// gone too: what has to be done then is the same as with a state. What Services select them by
// is what Git says now. The state has them in some role, so that what Services select can be
// told.
func Known(wanted Track, live map[Color]string, ledger Status) (colors map[Color]Track, provisional State) {
	colors = map[Color]Track{}
	if s := ledger.Stable; s != nil && live[s.Color] == "" {
		live = maps.Clone(live)
		live[s.Color] = s.Revision
	}
	for color, revision := range live {
		track := wanted
		track.Color, track.Revision, track.Images = color, revision, nil
		if colors[color] = track; color == Blue {
			provisional.Stable = &track
		} else {
			provisional.Candidate = &track
		}
	}
	return colors, provisional
}

// Rebuild makes a state again when it is gone and live objects are there (SPEC 6.5).
// What live Services select and has ready endpoints is true; the ledger says the rest:
// roles, history and gates. colors are what is [Known]. Where they are more than one unmade effect apart it gives up and
// says which facts disagree: then the rollout is held and nothing is written.
//
// Which size was asked for before is lost too. A stable that nobody else scaled, and that is smaller than
// Git asks for now, is still to be grown. A larger one stays: it may have the count that an autoscaler
// gave the colour before it (SPEC 5.13), and nothing shrinks under users by a guess. Nor does another
// colour that somebody gave more pods.
func Rebuild(spec Spec, ledger Status, colors map[Color]Track, obs Observation) (State, error) {
	s, err := rebuilt(spec, ledger, colors, obs)
	if err != nil {
		return s, err
	}
	for name, size := range s.Sizes {
		stable, other := obs.Workloads[name][s.Stable.Color], obs.Workloads[name][s.Stable.Color.Other()]
		grown := other.Rescaled && other.Desired > size.Pods
		size.Resizing = stable.Exists && stable.Desired < size.Pods && !stable.Rescaled && !grown
		s.Sizes[name] = size
	}
	return s, nil
}

func rebuilt(spec Spec, ledger Status, colors map[Color]Track, obs Observation) (State, error) {
	epoch := obs.Epoch
	if obs.Claimed > 0 && obs.Claimed == epoch {
		epoch-- // our own, of a return that could not be recorded: it is taken again, not raised
	}
	s := State{
		Schema: SchemaVersion, Epoch: epoch,
		Phase: ledger.Phase, Reason: ledger.Reason, Message: ledger.Message, Since: ledger.Since,
		Source: ledger.Source, Rejected: ledger.Rejected, Attempts: map[string]int{}, Sizes: map[string]Size{},
	}
	if obs.Wanted != nil {
		for name, n := range obs.Wanted.Sizes {
			s.Sizes[name] = Size{Pods: n}
		}
	}
	stable, err := known(colors, ledger.Stable, "stable")
	if err != nil {
		return s, err
	}
	if stable == nil {
		return s, fmt.Errorf("the cluster has objects of this rollout, its state is gone, and the ledger knows no stable revision: restore ConfigMap kexal-%s, or delete the objects", ledger.Metadata.Name)
	}
	candidate, another := known(colors, ledger.Candidate, "candidate")
	for _, r := range ledger.Rejected {
		s.Attempts[r.Revision] = r.Attempt
	}
	for _, t := range []*Track{stable, candidate} { // stable too: a mirror that goes back takes it back
		if t != nil && t.Attempt > 0 {
			s.Attempts[t.Revision] = t.Attempt
		}
	}
	serves := func(c Color) bool {
		for _, svc := range obs.Services {
			if svc.Endpoints[c] == 0 {
				return false
			}
		}
		return true
	}
	selects := oneSelection(obs.Services)
	if selects == Nothing { // they are gone as well, and are made again
		selects = Only(stable.Color)
	}
	if _, there := colors[colorOf(ledger.Candidate)]; another != nil && there {
		// Its slot still holds what was there before, which goes first; users may not be there.
		if selects != Only(stable.Color) {
			return s, another
		}
		candidate = colors[ledger.Candidate.Color].as(ledger.Candidate)
		s.Stable, s.Candidate, s.Step, s.ProgressAt = stable, candidate, 1, obs.At
		s.Attempts[candidate.Revision] = candidate.Attempt
		return s, nil
	}
	switch {
	case candidate != nil && selects == Only(candidate.Color) && serves(candidate.Color):
		// The switch was made after the ledger's last word: it is promoted.
		// The drain and the watch begin anew.
		s.Stable, s.Warm = candidate, warmed(spec, *stable, obs)
		s.Phase, s.Reason, s.Message = Progressing, Watching, candidate.Revision+" is stable"
		return s, nil
	case selects == Only(stable.Color) && candidate == nil:
		s.Stable = stable
		// What else is in the other slot was begun after the ledger's last word, and never served.
		if old, _ := known(colors, ledger.Warm, "warm"); old != nil {
			s.Warm = warmed(spec, *old, obs)
		}
		return s, nil
	case candidate != nil && (selects == Only(stable.Color) || selects == BothColors || spec.carried() && amid(obs.Services)):
		s.Stable, s.Candidate = stable, candidate
	default:
		return s, fmt.Errorf("the live Services select %q, the ledger says that %s (%s) is stable: mend the Services' selectors, or restore ConfigMap kexal-%s",
			selects, stable.Revision, stable.Color, ledger.Metadata.Name)
	}
	at := 1
	if ledger.Step != nil {
		at = ledger.Step.Index
	}
	d := &decision{spec: spec, obs: obs, next: s, was: s}
	d.workloads = d.workloadNames()
	d.look(d.workloads[0])
	tried, serving := d.slot(candidate), d.slot(stable)
	live := max(tried.Step, serving.Step)
	if serving.Step > tried.Step && tried.Step > 0 {
		live = tried.Step // stable's stamp may be of its own rollout
	}
	if tried.Desired == 0 && selects == Only(stable.Color) {
		live = 0 // nothing of this attempt is made: the stamps may be of one before
	}
	if live > at && !spec.carried() && d.every(d.rests) && d.observedWeight() == ledger.Weight {
		// Nothing is on its way: an edit of the steps moved it back since the last write (SPEC 3.6).
		live, s.Cap = at, &Cap{Step: at, Weight: ledger.Weight}
	}
	switch {
	case live > at+2+idle(spec, d.had, at, live):
		return s, fmt.Errorf("the live objects stand at step %d, the ledger at step %d: restore ConfigMap kexal-%s", live, at, ledger.Metadata.Name)
	case live > at:
		s.Step = live
	default:
		s.Step = at
		if ledger.Reason == WaitingForTime || ledger.Reason == WaitingForPromote {
			s.StepAt = ledger.Since
		}
	}
	s.Live, s.Asked = ledger.Weight, ledger.Weight
	if r := obs.Router; r != nil && spec.BlueGreen == nil && spec.Canary.routed() {
		s.Live, s.Asked = r.Weight, r.Written // what is live comes before what was told
	}
	s.ProgressAt = obs.At
	return s, nil
}

// idle is how many steps of a canary between two change nothing, and so are passed with the one
// before them: weights that come to the counts, or by a router to the share, that are there.
func idle(spec Spec, n int32, from, to int) (steps int) {
	surge, _ := spec.budget(n)
	same := func(a, b int) bool {
		if spec.BlueGreen != nil || spec.Canary.routed() || n == 0 {
			return a == b
		}
		c1, s1 := split(n, a, surge > 0)
		c2, s2 := split(n, b, surge > 0)
		return c1 == c2 && s1 == s2
	}
	weight := 0
	for i, step := range spec.steps() {
		if step.SetWeight == nil {
			continue
		}
		if at := i + 1; from < at && at < to && same(weight, *step.SetWeight) {
			steps++
		}
		weight = *step.SetWeight
	}
	return steps
}

// rests tells that no count of a workload is on its way.
func (d *decision) rests() bool {
	for _, slot := range d.obs.Workloads[d.workload] {
		if slot.Lags || slot.sure() != slot.Desired || slot.Pods != slot.Desired {
			return false
		}
	}
	return true
}

// warmed is a warm time that begins at the observation: how much of it was over nobody
// knows any more.
func warmed(spec Spec, old Track, obs Observation) *Warm {
	length := spec.warmFor()
	if obs.Off.Drain {
		length = spec.scaleDownDelay()
	}
	watched := map[string]*Watched{}
	for name, slots := range obs.Workloads {
		size := slots[old.Color.Other()].Desired
		watched[name] = &Watched{Size: size, Least: size}
	}
	return &Warm{Old: old, Watched: watched, Since: obs.At, Drained: obs.At.Add(drain), WatchUntil: obs.At.Add(spec.WarmWatch), Until: obs.At.Add(length)}
}

// known is the ledger's track, when the live slot of its colour holds its revision.
func known(colors map[Color]Track, t *TrackStatus, role string) (*Track, error) {
	if t == nil {
		return nil, nil
	}
	live, found := colors[t.Color]
	if !found || live.Revision != t.Revision {
		return nil, fmt.Errorf("the ledger says that %s is %s in %s, the live Deployment there has %q", role, t.Revision, t.Color, live.Revision)
	}
	return live.as(t), nil
}

func colorOf(t *TrackStatus) Color {
	if t == nil {
		return ""
	}
	return t.Color
}

// as is the track with what the ledger says of it.
func (t Track) as(said *TrackStatus) *Track {
	t.Color, t.Revision, t.Commit, t.Images, t.Attempt = said.Color, said.Revision, said.Commit, said.Images, said.Attempt
	return &t
}

// amid tells that every Service selects what kexal wrote, though not all the same: a
// switch was under way. It is one effect that is unmade.
func amid(services []Service) bool {
	return !slices.ContainsFunc(services, func(s Service) bool { return s.Selects == Something })
}

// oneSelection is what all Services select that are there; Nothing = none is there any more.
func oneSelection(services []Service) Selection {
	if len(services) == 0 {
		return BothColors
	}
	there := slices.DeleteFunc(slices.Clone(services), func(s Service) bool { return s.Selects == Nothing })
	if len(there) == 0 {
		return Nothing
	}
	services = there
	for _, s := range services {
		if s.Selects != services[0].Selects {
			return Something
		}
	}
	return services[0].Selects
}
