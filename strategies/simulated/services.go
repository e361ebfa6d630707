package simulated

import (
	"maps"
	"slices"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Service selects one colour of one revision, or both, or what a hand wrote.
type Service struct {
	Workload    string // whose pods it leads to; empty = all
	Selects     strategies.Selection
	Revision    string // of the one colour
	Overlaps    bool   // a load balancer is in front of it
	Refuses     bool   // the server refuses to write it
	RefusesLate bool   // and did not say so when it was asked
	digest      string // of what Git says of it
	stamped

	Endpoints map[strategies.Color]int32     // ready ones, as the data plane has them
	Left      map[strategies.Color]time.Time // when users left a colour
	due       time.Time                      // when the endpoints follow; zero = they agree
}

// newService selects a colour's revision in a state, or both.
func newService(workload string, to strategies.Selection, in strategies.State, digest string) *Service {
	return &Service{
		Workload: workload, Selects: to, Revision: RevisionIn(in, strategies.Color(to)), digest: digest,
		Endpoints: map[strategies.Color]int32{}, Left: map[strategies.Color]time.Time{},
	}
}

// matches tells whether a Service selects a pod.
func (s *Service) matches(p *pod) bool {
	if s.Workload != "" && s.Workload != p.workload {
		return false
	}
	if s.Selects == strategies.OnlyBlue || s.Selects == strategies.OnlyGreen {
		return strategies.Only(p.color) == s.Selects && p.revision == s.Revision
	}
	return s.Selects != strategies.Nothing
}

// Selected counts the ready pods of each colour that a Service selects now.
func (w *World) Selected(s *Service) map[strategies.Color]int32 {
	n := map[strategies.Color]int32{}
	for _, p := range w.pods {
		if w.ready(p) && s.matches(p) {
			n[p.color]++
		}
	}
	return n
}

// fronts are all Services, in the order of their names.
func (w *World) fronts() []*Service {
	var all []*Service
	for _, services := range []map[string]*Service{w.Services, w.Previews} {
		for _, name := range slices.Sorted(maps.Keys(services)) {
			all = append(all, services[name])
		}
	}
	return all
}

// view is a Service as an agent observes it, who knows these tracks.
func (s *Service) view(name string, tracks []*strategies.Track) strategies.Service {
	v := strategies.Service{Name: name, Endpoints: map[strategies.Color]int32{}}
	if s == nil {
		return v
	}
	maps.Copy(v.Endpoints, s.Endpoints)
	v.Workload, v.Aborted, v.Epoch, v.Overlaps, v.Selects = s.Workload, s.aborted, s.epoch, s.Overlaps, strategies.Something
	for _, t := range tracks {
		if s.Selects == strategies.BothColors || s.Selects == strategies.Only(t.Color) && s.Revision == t.Revision {
			v.Selects = s.Selects
		}
	}
	return v
}
