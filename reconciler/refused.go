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
	// On the way forward: where it was refused, since when it is to be done without a break, and that
	// people were told something else in between.
	at    place
	since time.Time
	aside bool
}

// place is a step of an attempt, whatever is told there.
type place struct {
	revision string // of the candidate; empty = there is none
	attempt  int
	step     int
}

func placeOf(s strategies.State) place {
	p := place{step: s.Step}
	if s.Candidate != nil {
		p.revision, p.attempt = s.Candidate.Revision, s.Candidate.Attempt
	}
	return p
}

// heads: what was refused on the way there says nothing of the way back, where everything is
// tried at once.
func (m *memory) heads(back bool) {
	if m.back != back {
		m.back = back
		clear(m.refused)
	}
}

// done: an action went through.
func (m *memory) done(a strategies.Action) {
	delete(m.refused, a.String())
}

// refused notes that the server refuses an action of a plan.
func (t *turn) refused(a strategies.Action, next strategies.State, no *cluster.Refusal) {
	was := t.memory.refused[a.String()]
	t.memory.refused[a.String()] = refusal{err: no, until: t.at.Add(refusedFor), at: placeOf(next), since: was.since, aside: was.aside}
}

// blocked: while the server refuses a write, people read its words, the phase stays what it is,
// and the write is tried once a minute (SPEC 6.6), also when something else had to be waited for
// meanwhile: pods that crash in turn would have it tried, and told, each time that they are ready.
// Where something else was told meanwhile that stays told, until nothing but the refusal has held it
// up for as long as it rests. It gives when the plan may be carried out; zero = now.
func (t *turn) blocked(plan *strategies.Plan) (until time.Time) {
	here := placeOf(plan.Next)
	no, until := t.memory.holdsUp(plan.Actions, here, t.at)
	switch was := t.record.State; {
	case no.err == nil:
	case no.aside && placeOf(was) == here:
		plan.Next.Phase, plan.Next.Reason, plan.Next.Message, plan.Next.Since = was.Phase, was.Reason, was.Message, was.Since
		plan.Next.NextAt, plan.Next.Conditions = was.NextAt, was.Conditions
		if !until.IsZero() {
			until = earlier(until, no.since.Add(refusedFor)) // to say so
		}
	default:
		sayBlocked(plan, was, no.err)
	}
	return until
}

// holdsUp is the refusal that holds up what is planned, and until when it is left alone. What is not
// planned any more was told aside by what is; where the rollout went on it is forgotten when its
// minute is over.
func (m *memory) holdsUp(planned []strategies.Action, here place, at time.Time) (told refusal, until time.Time) {
	for key, no := range m.refused {
		if slices.ContainsFunc(planned, func(a strategies.Action) bool { return a.String() == key }) {
			continue
		}
		no.aside, no.since = true, time.Time{}
		m.refused[key] = no
		if no.at != here && !at.Before(no.until) {
			delete(m.refused, key)
		}
	}
	for _, a := range planned {
		no, refused := m.refused[a.String()]
		if !refused {
			continue
		}
		if no.since.IsZero() {
			no.since = at
		}
		no.aside = no.aside && at.Before(no.since.Add(refusedFor))
		m.refused[a.String()] = no
		if told = no; at.Before(no.until) {
			return told, no.until
		}
	}
	return told, time.Time{}
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
	// What is not planned at this moment was refused all the same: the candidate gives way and stable
	// is woken by turns.
	still := map[string]refusal{}
	for _, key := range slices.Sorted(maps.Keys(t.memory.refused)) {
		no := t.memory.refused[key]
		planned := slices.ContainsFunc(plan.Actions, func(a strategies.Action) bool { return a.String() == key })
		if planned || !t.at.Before(no.until) {
			continue
		}
		if still[key] = no; first == nil {
			first = &no
		}
	}
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
