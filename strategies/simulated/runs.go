package simulated

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Verdict is what a run comes to, and when.
type Verdict struct {
	Phase strategies.RunPhase
	After time.Duration // since it began
	Why   string
}

// A run is an analysis or an experiment that is under way.
type run struct {
	since time.Time
	phase strategies.RunPhase
	why   string
}

// successes are what every run comes to that nobody says otherwise of. One beside the steps
// has no end of its own.
var successes = Verdict{Phase: strategies.Successful, After: time.Minute}

// where is the part of a run's key that says where in the rollout it stands.
func where(key string) string {
	parts := strings.SplitN(key, "/", 4)
	if len(parts) < 3 {
		return key
	}
	if i := strings.LastIndex(parts[2], "-"); i > 0 {
		return parts[2][:i]
	}
	return parts[2]
}

// order begins the runs that a plan names and that are not under way, and ends the others.
func (p *Play) order(orders []strategies.RunOrder) {
	now := map[string]*run{}
	for _, o := range orders {
		r := p.runs[o.Key]
		if r == nil {
			r = &run{since: p.World.Now, phase: strategies.Running}
			p.tell(Event{Kind: Judged, Text: "begin " + where(o.Key)})
		}
		now[o.Key] = r
	}
	p.runs = now
}

func (p *Play) verdict(where string) Verdict {
	if v, said := p.Verdicts[where]; said {
		return v
	}
	if where == "background" {
		return Verdict{Phase: strategies.Running}
	}
	return successes
}

// judge brings the runs to what they come to by now, and says when the next one does.
func (p *Play) judge() (next time.Time) {
	for _, key := range slices.Sorted(maps.Keys(p.runs)) {
		r := p.runs[key]
		v := p.verdict(where(key))
		if r.phase != strategies.Running || v.Phase == strategies.Running {
			continue
		}
		end := r.since.Add(v.After)
		if !p.World.Now.Before(end) {
			r.phase, r.why = v.Phase, v.Why
			p.tell(Event{Kind: Judged, Text: strings.ToLower(string(r.phase)) + " " + where(key)})
		} else if next.IsZero() || end.Before(next) {
			next = end
		}
	}
	return next
}

// facts are the runs as an agent observes them.
func (p *Play) facts() map[string]strategies.Run {
	if len(p.runs) == 0 {
		return nil
	}
	facts := map[string]strategies.Run{}
	for key, r := range p.runs {
		facts[key] = strategies.Run{Phase: r.phase, Why: r.why}
	}
	return facts
}
