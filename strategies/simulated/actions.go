package simulated

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kexal/kexal/strategies"
)

// errRefused is the server's no.
var errRefused = errors.New("refused")

// act carries out one action as a cluster would, for an agent that saw this and whose
// decision is next. It reports whether anything was written.
func (w *World) act(a strategies.Action, next strategies.State, seen strategies.Observation, digest string) (wrote bool, err error) {
	release := seen.Wanted
	mark := func(to *stamped, s strategies.Stamp) { *to = stamped{s.Epoch, s.Step, s.Aborted} }
	switch a := a.(type) {
	case strategies.Create:
		if release == nil {
			return false, fmt.Errorf("%s: no release is rendered", a)
		}
		d := &Deployment{Revision: release.Revision, startedAt: w.Now.Add(w.Begins)}
		mark(&d.stamped, a.Stamp)
		w.put(a.Workload, a.Color, d)
	case strategies.Scale:
		d := w.Slots[a.Workload][a.Color]
		if d == nil {
			return false, fmt.Errorf("%s: it is not there", a)
		}
		if d.Desired != a.Count {
			w.Resize(a.Workload, a.Color, a.Count)
		}
		d.Paused, d.wakesAt = true, time.Time{}
		mark(&d.stamped, a.Stamp)
	case strategies.Select:
		if a.Prime {
			for _, view := range seen.Services {
				if s := w.Services[view.Name]; s != nil && s.Refuses && !s.RefusesLate && view.Selects != a.To {
					return false, errRefused
				}
			}
			for _, name := range slices.Sorted(maps.Keys(w.Previews)) {
				w.Previews[name].Selects, w.Previews[name].Revision = strategies.BothColors, ""
				break
			}
		}
		refused := false
		for _, view := range seen.Services {
			s, to := w.Services[view.Name], a.To
			if a.Overlap && view.Overlaps {
				to = strategies.BothColors
			}
			newest := next.Candidate
			if newest == nil {
				newest = next.Stable
			}
			if s == nil || view.Selects == to || newest != nil && newest.Selectors[view.Name] == nil {
				continue
			}
			if s.Refuses {
				refused = true
				continue
			}
			wrote = true
			if s.Selects, s.Revision = to, ""; to != strategies.BothColors {
				s.Revision = RevisionIn(next, strategies.Color(to))
				for _, t := range tracksOf(next) {
					if own := t.Services[view.Name]; t.Color == strategies.Color(to) && own != nil {
						s.digest = string(own)
					}
				}
			}
			mark(&s.stamped, a.Stamp)
		}
		if refused {
			w.settle()
			return wrote, errRefused
		}
	case strategies.Preview:
		for _, s := range w.Previews {
			if s.Selects, s.Revision = a.To, ""; a.To != strategies.BothColors {
				s.Revision = RevisionIn(next, strategies.Color(a.To))
			}
			if release != nil {
				s.digest = digest
			}
			mark(&s.stamped, a.Stamp)
		}
	case strategies.Route:
		if w.Router == nil {
			return false, fmt.Errorf("%s: there is no router", a)
		}
		if w.Router.Refuses {
			return false, errRefused
		}
		w.route(a.Weight)
		mark(&w.Router.stamped, a.Stamp)
	case strategies.Mark:
		wrote := false
		differs := func(s stamped) bool { return s.epoch != a.Stamp.Epoch || s.aborted != a.Stamp.Aborted }
		for _, s := range w.Services {
			if differs(s.stamped) {
				mark(&s.stamped, a.Stamp)
				wrote = true
			}
		}
		if w.Router != nil && differs(w.Router.stamped) {
			mark(&w.Router.stamped, a.Stamp)
			wrote = true
		}
		for _, d := range w.deployments() {
			if d.Deleting {
				continue
			}
			stamp := a.Stamp
			if stamp.Aborted == "" {
				stamp.Aborted = d.aborted
			}
			if d.epoch != stamp.Epoch || d.aborted != stamp.Aborted {
				mark(&d.stamped, stamp)
				wrote = true
			}
		}
		return wrote, nil
	case strategies.Delete:
		if d := w.Slots[a.Workload][a.Color]; d != nil && d.Stuck {
			d.Deleting = true
		} else {
			w.put(a.Workload, a.Color, nil)
		}
	case strategies.Apply:
		if release == nil {
			return false, fmt.Errorf("%s: no release is rendered", a)
		}
		for _, name := range slices.Sorted(maps.Keys(release.Selectors)) {
			s := w.Services[name]
			if s == nil && a.Services && !slices.ContainsFunc(tracksOf(next), func(t *strategies.Track) bool { return t.Selectors[name] != nil }) {
				continue
			}
			if s == nil {
				s = newService(release.Behind(name), a.Pin, next, digest)
				mark(&s.stamped, a.Stamp)
				w.Services[name] = s
			} else if a.All {
				s.digest = digest
			}
		}
		for _, name := range slices.Sorted(maps.Keys(release.Previews)) {
			s := w.Previews[name]
			switch {
			case s == nil:
				w.Previews[name] = newService(release.Behind(name), a.Previews, next, digest)
			case s != nil && a.All:
				s.digest = digest
			}
		}
		if (w.config == "" || a.All) && !a.Services {
			w.config = digest
		}
	case strategies.Prune:
		for _, left := range seen.Leftover {
			delete(w.Previews, strings.TrimPrefix(left, "Service/"))
		}
	case strategies.Revive:
		if d := w.Slots[a.Workload][a.Color]; d != nil {
			d.Paused = false
			mark(&d.stamped, a.Stamp)
		}
	case strategies.Restore:
		if d := w.Slots[a.Workload][a.Color]; d != nil && d.Paused {
			d.Edited = false
			mark(&d.stamped, a.Stamp)
		}
	case strategies.Touch:
		d := w.Slots[a.Workload][a.Color]
		if d == nil || a.At.Sub(d.touchedAt) < 5*time.Second {
			return false, nil
		}
		d.touchedAt, d.wakesAt = a.At, time.Time{}
	default:
		return false, fmt.Errorf("%s: nothing in this world does it", a)
	}
	w.settle()
	return true, nil
}

// tracksOf are the revisions that a state knows in colours, the candidate first.
func tracksOf(s strategies.State) []*strategies.Track {
	var found []*strategies.Track
	for _, t := range []*strategies.Track{s.Candidate, s.Stable} {
		if t != nil {
			found = append(found, t)
		}
	}
	if s.Warm != nil {
		found = append(found, &s.Warm.Old)
	}
	if c := s.Candidate; c != nil && s.Stable == nil {
		// A first release that waits at its gate: its Services lead to the colour that nobody
		// is in.
		nobody := *c
		nobody.Color = c.Color.Other()
		found = append(found, &nobody)
	}
	return found
}

// RevisionIn is what a state knows in a colour; empty = nothing. The candidate is asked
// first, then stable, then the colour that is kept warm.
func RevisionIn(s strategies.State, c strategies.Color) string {
	for _, t := range tracksOf(s) {
		if t.Color == c {
			return t.Revision
		}
	}
	return ""
}
