package strategies_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A state of schema 1 knew one workload. Who reads it goes on where it stood: the same workload, its
// size, how far stable was woken and how its watch stood; nothing is made anew (SPEC 2.1, 5.3).
func TestStateOfOneWorkload(t *testing.T) {
	const track = `"revision":"a1a1a1a1a1","color":"blue","commit":"c0ffee","images":["web:v1"],"workload":"web","selectors":{"web":{"app":"web"}},"ports":{"http":8080},"labels":{"app":"web"}`
	read := func(text string) (s strategies.State) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := read(`{"schema":1,"epoch":4,"replicas":5,"resizing":true,"stable":{` + track + `},"candidate":{` + track + `},"back":{"cause":"aborted","why":"x","gave":true,"had":2,"wokenAt":"2026-11-24T09:00:00Z"},` +
		`"warm":{"old":{` + track + `},"size":5,"least":3,"raisedAt":"2026-11-24T09:01:00Z","unwellSince":"2026-11-24T09:02:00Z","wide":true}}`)
	if s.Sizes["web"] != (strategies.Size{Pods: 5, Resizing: true}) || s.Epoch != 4 {
		t.Errorf("the sizes are %v", s.Sizes)
	}
	for role, of := range map[string]strategies.Track{"stable": *s.Stable, "candidate": *s.Candidate, "warm": s.Warm.Old} {
		if w, has := of.Workloads["web"]; !has || w.Ports["http"] != 8080 || w.Labels["app"] != "web" || of.Behind("web") != "web" {
			t.Errorf("%s has %v", role, of.Workloads)
		}
	}
	if b := s.Back.Swaps["web"]; !b.Gave || b.Had != 2 || b.WokenAt.Hour() != 9 {
		t.Errorf("the way back is %+v", b)
	}
	if w := s.Warm.Watched["web"]; w.Size != 5 || w.Least != 3 || w.RaisedAt.Minute() != 1 || w.UnwellSince.Minute() != 2 || !w.Wide {
		t.Errorf("the watch is %+v", w)
	}
	if empty := read(`{"schema":1,"message":"waits for the mirror"}`); empty.Sizes != nil || empty.Message == "" {
		t.Errorf("before any release it is %+v", empty)
	}

	// The agent of today finds nothing to do where the one before had come to rest.
	rest := read(`{"schema":1,"epoch":2,"phase":"Healthy","reason":"Stable","message":"a1a1a1a1a1 is stable","replicas":5,"stable":{` + track + `}}`)
	spec := strategies.Spec{}
	rest.Spec = &spec
	wanted := *rest.Stable
	plan := strategies.Decide(spec, rest, strategies.Observation{
		At: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), Epoch: 2,
		Wanted: &strategies.Wanted{Track: wanted, Sizes: map[string]int32{"web": 5}},
		Workloads: map[string]strategies.Slots{"web": {strategies.Blue: {
			Exists: true, Started: true, Paused: true, Revision: wanted.Revision, Desired: 5, Pods: 5, Ready: 5, Epoch: 2,
		}}},
		Services: []strategies.Service{{Name: "web", Selects: strategies.OnlyBlue, Epoch: 2, Endpoints: map[strategies.Color]int32{strategies.Blue: 5}}},
	})
	if len(plan.Actions) > 0 || plan.Next.Schema != strategies.SchemaVersion {
		t.Errorf("at rest it does %v, and records schema %d", plan.Actions, plan.Next.Schema)
	}
}
