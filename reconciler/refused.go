package reconciler

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/strategies"
)

// refusedFor is how long a refused request is left alone (SPEC 6.6).
const refusedFor = time.Minute

// refusal is an action that the server refuses.
type refusal struct {
	err   *cluster.Refusal
	until time.Time // it is tried again then, by the steady clock
	at    place     // where it was refused on the way forward
}

// place is where a rollout stands on its way forward.
type place struct {
	phase    strategies.Phase
	reason   strategies.Reason
	revision string // of the candidate; empty = there is none
	attempt  int
	step     int
}

func placeOf(s strategies.State) place {
	p := place{phase: s.Phase, reason: s.Reason, step: s.Step}
	if s.Candidate != nil {
		p.revision, p.attempt = s.Candidate.Revision, s.Candidate.Attempt
	}
	return p
}

// heads: what was refused on the way there says nothing of the way back, where everything is
// tried at once.
func (m *memory) heads(back bool) {
	if m.back != back {
		m.back, m.waits = back, ""
		clear(m.refused)
	}
}

// done: an action went through.
func (m *memory) done(a strategies.Action) {
	delete(m.refused, a.String())
	m.waits = ""
}

// refused notes that the server refuses an action of a plan.
func (t *turn) refused(a strategies.Action, no *cluster.Refusal) {
	m := t.memory
	if m.refused == nil {
		m.refused = map[string]refusal{}
	}
	m.waits = a.String()
	m.refused[m.waits] = refusal{err: no, until: t.at.Add(refusedFor), at: t.place}
}

// blocked: while the server refuses a write, people read its words, the phase stays what it is,
// and the write is tried once a minute (SPEC 6.6), also when something else had to be waited for
// meanwhile: pods that crash in turn would have it tried, and told, each time that they are ready.
// It gives when the plan may be carried out; zero = now.
func (t *turn) blocked(plan *strategies.Plan) (until time.Time) {
	m := t.memory
	t.place = placeOf(plan.Next)
	planned := func(key string) bool {
		return slices.ContainsFunc(plan.Actions, func(a strategies.Action) bool { return a.String() == key })
	}
	maps.DeleteFunc(m.refused, func(key string, no refusal) bool {
		return !planned(key) && no.at != t.place && !t.at.Before(no.until)
	})
	told := m.refused[m.waits]
	if told.at != t.place {
		told = refusal{}
	}
	for _, a := range plan.Actions {
		if no, refused := m.refused[a.String()]; refused {
			told = no
			if t.at.Before(no.until) {
				until = no.until
				break
			}
		}
	}
	if told.err != nil {
		sayBlocked(plan, t.record.State, told.err)
	}
	return until
}

// sayBlocked puts the server's words where people read. Told once, it is not told anew.
func sayBlocked(plan *strategies.Plan, was strategies.State, no *cluster.Refusal) {
	plan.Next.Reason, plan.Next.Message, plan.Next.NextAt = strategies.Blocked, no.Error(), nil
	for i := range plan.Next.Conditions {
		plan.Next.Conditions[i].Reason, plan.Next.Conditions[i].Message = strategies.Blocked, no.Error()
	}
	if was.Reason == strategies.Blocked {
		plan.Next.Since = was.Since
	}
}

// actBack makes the effects of a return to stable: each is tried whatever became of the
// others, and one that the server refuses is left alone for its time (SPEC 5.17, 6.6).
// It gives the first that is refused.
func (r *Reconciler) actBack(ctx context.Context, t *turn, plan strategies.Plan) (first *refusal, err error) {
	var errs []error
	still := map[string]refusal{} // only of what is planned now
	for _, action := range plan.Actions {
		key := action.String()
		no, refused := t.memory.refused[key]
		if !refused || !t.at.Before(no.until) {
			err := r.Cluster.Act(ctx, t.sight, plan.Next, action)
			r.logAction(t, action, err)
			switch words := cluster.Refused(err); {
			case words != nil:
				no = refusal{err: words, until: t.at.Add(refusedFor)}
			case err != nil && refused:
				errs = append(errs, err) // nobody knows better than before: that is not told anew
			default:
				errs = append(errs, err)
				continue
			}
		}
		still[key] = no
		if first == nil {
			first = &no
		}
	}
	t.memory.refused = still
	return first, errors.Join(errs...)
}
