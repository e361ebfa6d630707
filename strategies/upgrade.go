package strategies

import (
	"encoding/json"
	"time"
)

// UnmarshalJSON reads a state, also one of schema 1, which knew one workload: an upgrade of the agent
// goes on where the one before stood.
func (s *State) UnmarshalJSON(text []byte) error {
	type plain State
	if err := json.Unmarshal(text, (*plain)(s)); err != nil {
		return err
	}
	if s.Schema == 1 {
		return s.upgrade(text)
	}
	return nil
}

// trackOfOne is what a track of schema 1 said of its one workload.
type trackOfOne struct {
	Workload string            `json:"workload"`
	Ports    map[string]int32  `json:"ports"`
	Labels   map[string]string `json:"labels"`
}

func (o trackOfOne) workloads() map[string]Workload {
	return map[string]Workload{o.Workload: {Ports: o.Ports, Labels: o.Labels}}
}

func (s *State) upgrade(text []byte) error {
	var old struct {
		Replicas  int32      `json:"replicas"`
		Resizing  bool       `json:"resizing"`
		Stable    trackOfOne `json:"stable"`
		Candidate trackOfOne `json:"candidate"`
		Back      Swap       `json:"back"`
		Warm      struct {
			Old         trackOfOne `json:"old"`
			Size        int32      `json:"size"`
			Least       int32      `json:"least"`
			RaisedAt    time.Time  `json:"raisedAt"`
			UnwellSince time.Time  `json:"unwellSince"`
			Wide        bool       `json:"wide"`
		} `json:"warm"`
	}
	if err := json.Unmarshal(text, &old); err != nil {
		return err
	}
	name := ""
	for _, t := range []struct {
		now *Track
		was trackOfOne
	}{{s.Stable, old.Stable}, {s.Candidate, old.Candidate}} {
		if t.now != nil && t.was.Workload != "" {
			name, t.now.Workloads = t.was.Workload, t.was.workloads()
		}
	}
	if name == "" {
		return nil // nothing was released yet
	}
	s.Sizes = map[string]Size{name: {Pods: old.Replicas, Resizing: old.Resizing}}
	if s.Back != nil {
		s.Back.Swaps = map[string]*Swap{name: &old.Back}
	}
	if w := s.Warm; w != nil {
		w.Old.Workloads = old.Warm.Old.workloads()
		w.Watched = map[string]*Watched{name: {
			Size: old.Warm.Size, Least: old.Warm.Least, RaisedAt: old.Warm.RaisedAt, UnwellSince: old.Warm.UnwellSince, Wide: old.Warm.Wide,
		}}
	}
	return nil
}
