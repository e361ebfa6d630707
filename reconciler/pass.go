package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/strategies"
)

// A turn is one pass over one rollout: what was read, and what came of it.
type turn struct {
	name     string
	memory   *memory
	desired  *desired // nil = not in the followed commit, or no commit was read yet
	record   cluster.Record
	sight    cluster.Sight
	spec     strategies.Spec
	problems []strategies.Problem
	at       time.Time // by the steady clock
	askAt    time.Time // when the server is asked again about what it refused, by that clock; zero = it refused nothing
}

// pass observes, decides, records and acts, once. It returns when to look again, by the
// steady clock. Passes of one rollout never overlap.
func (r *Reconciler) pass(ctx context.Context, name string) (recheck time.Time, err error) {
	if r.Cluster.Behind(name) {
		return time.Time{}, errBehind // the event that shows our own writes wakes us
	}
	t := &turn{name: name, memory: r.remember(name)}
	polled := false
	r.mu.Lock()
	t.desired, polled = r.desired[name], r.polled
	r.mu.Unlock()
	if t.record, err = r.Cluster.Read(name); err != nil {
		return time.Time{}, err // frozen: nothing is written over what cannot be read
	}
	if t.memory.epoch != 0 && t.record.State.Epoch > t.memory.epoch {
		return time.Time{}, errSuperseded
	}
	if !t.record.Found {
		if t.desired == nil {
			return time.Time{}, nil
		}
		if proceed, askAgain, err := r.lost(ctx, t); !proceed || err != nil {
			return askAgain, err
		}
	}
	t.record = t.memory.known(t.record)
	r.observe(t, polled)
	if own := t.memory.claimed; own > t.record.State.Epoch && t.sight.Epoch > own {
		return time.Time{}, errSuperseded // neither can record: whoever went above us acts
	}
	if t.record.Found && !t.sight.TookOver && t.sight.Epoch > t.record.State.Epoch {
		now, err := r.Cluster.EpochNow(ctx, name)
		if err != nil {
			return time.Time{}, err
		}
		if now != t.record.State.Epoch {
			// The watch of the state is behind that of the objects: somebody took over.
			return time.Time{}, fmt.Errorf("live objects bear epoch %d, the state %d: %w", t.sight.Epoch, now, cluster.ErrConflict)
		}
		// Nobody did: a hand or a backup put it there. We go above it (SPEC 6.3).
		t.sight.TookOver = true
	}
	plan := t.decide()
	if r.begins(plan, t.record.State) {
		refusal, err := r.dryRun(ctx, t, plan)
		if err != nil {
			return time.Time{}, err
		}
		if refusal != nil {
			t.hold(refusal)
			plan = t.decide()
		}
	}
	recheck, err = r.carryOut(ctx, t, plan)
	// Each pass says so: the queue keeps one moment for a rollout, the earliest.
	return earlier(recheck, t.askAt), err
}

// decide asks for a plan, and when to look again is of the steady clock.
func (t *turn) decide() strategies.Plan {
	plan := strategies.Decide(t.spec, t.record.State, t.sight.Observation)
	if !plan.Recheck.IsZero() {
		plan.Recheck = t.at.Add(plan.Recheck.Sub(t.sight.At))
	}
	return plan
}

// observe completes what the cluster shows with what Git says.
func (r *Reconciler) observe(t *turn, polled bool) {
	subject := cluster.Subject{Rollout: t.name, State: t.record.State}
	if kept := t.record.State.Spec; kept != nil {
		t.spec = *kept
	}
	if t.desired != nil && t.desired.err == nil {
		subject.Release, t.spec = t.desired.release, t.desired.spec
	}
	at, jumped := r.look(t)
	t.sight = r.Cluster.Observe(at, subject)
	obs := &t.sight.Observation
	obs.Jumped = jumped
	obs.Off = r.Guards
	obs.TookOver = !t.memory.recorded(t.record)
	if t.memory.epoch == 0 {
		obs.Away = r.Away()
	}
	obs.Claimed = t.memory.claimed
	switch {
	case t.desired == nil && polled:
		obs.Removed = true
		t.hold(errRemoved)
		obs.Mistakes = t.problems
	case t.desired == nil:
		// No commit was read since the start: a rollout goes on with what was verified
		// last, nothing new starts, and what was held stays so.
		obs.Unread, obs.Mistakes = true, t.record.State.Mistakes
	case t.desired.err != nil:
		obs.Source, obs.Seen = t.desired.source, t.desired.seen
		t.spec.Intents = t.desired.spec.Intents // an abort works beside a mistake
		t.hold(t.desired.err)
		obs.Mistakes = t.problems
	default:
		obs.Wanted = t.desired.wanted()
		obstructed := obs.Held != ""
		if s := t.record.State.Stable; s != nil {
			if err := t.desired.release.Spans(*s, t.together); err != nil {
				t.hold(err)
				obs.Mistakes = t.problems
			}
		}
		if obstructed { // that is said first
			t.hold(t.sight.Obstacle)
		}
	}
}

// together tells that a Service selects both colours on its way to the candidate (SPEC
// 5.9, 5.10).
func (t *turn) together(service string) bool {
	spec := t.spec
	if was := t.record.State; was.Candidate != nil && was.Spec != nil {
		spec = *was.Spec // a rollout in flight keeps its kind of strategy (SPEC 3.6)
	}
	return spec.BlueGreen == nil || spec.SwitchOverlap > 0 && slices.ContainsFunc(t.sight.Services, func(s strategies.Service) bool { return s.Name == service && s.Overlaps })
}

// mostProblems is how many problems of one commit are told: a ConfigMap that holds the mistakes of
// a file of 1 MiB would be refused, and nothing be told at all. The last one counts the others.
const mostProblems = 100

// hold: nothing is started or raised, and the sentence says why.
func (t *turn) hold(err error) {
	t.problems = strategies.Problems(t.desired.placed(err))
	if more := len(t.problems) - mostProblems; more > 0 {
		t.problems = append(t.problems[:mostProblems], strategies.Problem{Message: fmt.Sprintf("%d more problems are not told", more), Fix: "mend those before it"})
	}
	t.sight.Held = strategies.Sentence(t.problems)
	t.sight.Wanted = nil
}

// begins tells that a plan starts a revision that was not tried yet, or changes what is
// shared under the one that serves: the server is asked before the first write of it (SPEC
// 6.7).
func (r *Reconciler) begins(plan strategies.Plan, was strategies.State) bool {
	next := plan.Next.Candidate
	if next == nil {
		return slices.ContainsFunc(plan.Actions, func(a strategies.Action) bool {
			apply, is := a.(strategies.Apply)
			return is && apply.All
		})
	}
	return plan.Next.Back == nil &&
		(was.Candidate == nil || was.Candidate.Revision != next.Revision || was.Candidate.Attempt != next.Attempt)
}

func (r *Reconciler) dryRun(ctx context.Context, t *turn, plan strategies.Plan) (refusal error, err error) {
	now := t.at
	if v, asked := t.memory.dry[t.desired.seen]; asked && (v.until.IsZero() || now.Before(v.until)) {
		t.askAt = v.until
		return v.refusal, nil
	}
	if c := plan.Next.Candidate; c != nil {
		err = r.Cluster.DryRun(ctx, t.sight, c.Color, t.surge())
	} else {
		err = r.Cluster.DryRunShared(ctx, t.sight)
	}
	var no *cluster.Refusal
	switch {
	case errors.As(err, &no) && strings.Contains(no.Words, "exceeded quota") && t.withoutSurge():
		// There is no room beside stable, and none is needed: a pod of it goes first.
	case errors.As(err, &no):
		t.askAt = now.Add(refusedFor)
		t.memory.dry = map[string]verdict{t.desired.seen: {refusal: no, until: t.askAt}}
		return no, nil
	case err != nil:
		return nil, err
	}
	t.memory.dry = map[string]verdict{t.desired.seen: {}}
	return nil, nil
}

// withoutSurge tells that a pod of stable goes before one of the candidate comes.
func (t *turn) withoutSurge() bool {
	for _, n := range t.desired.release.Sizes {
		if t.spec.Surge(n) > 0 {
			return false
		}
	}
	return true
}

// surge is how many pods of each workload come on top of what runs: all of a first release, the
// candidate's of a blue/green, what maxSurge adds to a canary.
func (t *turn) surge() map[string]int32 {
	more := map[string]int32{}
	stable := t.record.State.Stable
	for name, n := range t.desired.release.Sizes {
		before := t.record.State.Sizes[name]
		switch {
		case stable == nil:
			more[name] = n
		case t.spec.BlueGreen == nil:
			more[name] = t.spec.Surge(n)
		case n != before.Pods || before.Resizing:
			more[name] = n // stable gets that size first
		default:
			more[name] = max(n, t.sight.Workloads[name][stable.Color].Desired)
		}
	}
	return more
}

// carryOut makes a plan true, in the order of SPEC 6.4: the record, then the effects; on
// the way back to stable the effects, then the record.
func (r *Reconciler) carryOut(ctx context.Context, t *turn, plan strategies.Plan) (recheck time.Time, err error) {
	t.memory.heads(plan.ActFirst)
	if plan.ActFirst {
		t.memory.claimed = plan.Next.Epoch
		refused, acted := r.actBack(ctx, t, plan)
		recheck = plan.Recheck
		if refused != nil {
			sayBlocked(&plan, t.record.State, refused.err)
			recheck = earlier(recheck, refused.until)
		}
		// Whatever could be done is done; the record says that we are on the way back,
		// and is written even when some of it failed.
		if err := r.write(ctx, t, plan.Next); err != nil {
			// If we die here the next agent takes over, and records before it raises anything.
			t.memory.acted, t.memory.over = &plan.Next, t.record.Version()
			return time.Time{}, errors.Join(acted, err)
		}
		return recheck, acted
	}
	until := t.blocked(&plan)
	if err := r.write(ctx, t, plan.Next); err != nil {
		return time.Time{}, err
	}
	if !until.IsZero() {
		return earlier(plan.Recheck, until), nil
	}
	return plan.Recheck, r.act(ctx, t, plan)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// write records a decision, and offers its status to the ledger. With nothing new to
// say it does nothing.
func (r *Reconciler) write(ctx context.Context, t *turn, next strategies.State) error {
	status := next.Status(t.name, r.Namespace, t.problems)
	text, err := json.Marshal(status)
	if err != nil {
		return err
	}
	m := t.memory
	if m.unrecorded != nil && t.at.Before(m.recordAt) {
		return m.unrecorded
	}
	in, err := r.Cluster.Write(ctx, t.name, t.record, next, text)
	var no *cluster.Refusal
	if errors.As(err, &no) {
		// Nothing can be recorded: the ledger tells it, once, and it is tried once a minute.
		if m.unrecorded == nil || m.unrecorded.Error() != no.Error() {
			status.Reason, status.Message, status.Since = strategies.Blocked, no.Error(), t.sight.At
			r.offer(status)
			m.offered = "" // when it can be recorded again the ledger hears so, whatever is told then
		}
		m.unrecorded, m.recordAt = no, t.at.Add(refusedFor)
	}
	if err != nil {
		return err
	}
	m.unrecorded = nil
	changed := in != ""
	if changed && (!t.sight.TookOver || next.Epoch > t.record.State.Epoch) {
		// Where only what is told changed the epoch is still our predecessor's, and one that wakes
		// up with it would take us for itself (SPEC 6.3): the next state raises it.
		m.epoch, m.home = next.Epoch, in
		if by := next.Moved - t.record.State.Moved; by != 0 {
			r.Log.Warn().Str("rollout", t.name).Msgf("the clock jumped by %s: what is waited for lasts as long as before", by.Round(time.Millisecond))
		}
	}
	if changed && t.memory.offered != string(text) {
		event := r.Log.Info()
		if next.Phase == strategies.Degraded {
			event = r.Log.Warn()
		}
		event.Str("rollout", t.name).Str("phase", string(next.Phase)).Str("reason", string(next.Reason)).Msg(next.Message)
		if len(t.problems) > 1 { // the sentence has the first
			for _, p := range t.problems {
				r.Log.Warn().Str("rollout", t.name).Stringer("problem", p).Msg("to be mended")
			}
		}
	}
	if t.memory.offered != string(text) {
		t.memory.offered = string(text)
		r.offer(status)
	}
	return nil
}

// act makes the effects on the way forward; the first that fails ends the pass.
func (r *Reconciler) act(ctx context.Context, t *turn, plan strategies.Plan) error {
	for _, action := range plan.Actions {
		err := r.Cluster.Act(ctx, t.sight, plan.Next, action)
		r.logAction(t, action, err)
		if no := cluster.Refused(err); no != nil {
			t.refused(action, plan.Next, no)
			r.queue.Add(t.name) // to say so; it is tried again only when its time has come
			return nil
		}
		if err != nil {
			return err
		}
		t.memory.done(action)
	}
	return nil
}

func (r *Reconciler) logAction(t *turn, action strategies.Action, err error) {
	event := r.Log.Debug().Str("rollout", t.name).Stringer("action", action)
	if err != nil {
		event.Err(err).Msg("not done")
		return
	}
	event.Msg("done")
}
