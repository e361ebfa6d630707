package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/strategies"
)

// surroundings are what this process knows that belongs to no rollout (SPEC 7.3).
type surroundings struct {
	mirror, ledger end
	followed       strategies.Fact
}

// An end is what is known of one end of the repository.
//
// One poll that fails is no news: a server that restarts would make a write when it goes,
// and a write and a commit when it is back. So a trouble is told when it lasts a whole
// interval, which is when the next poll meets it too; other words for a trouble that is
// told wait as long, and so two answers that take turns are never told in turns. Two
// things are told at once: what the first try of a process meets, because who installs it
// waits for that, and that it works again.
type end struct {
	said    string    // of the last exchange; empty = it worked
	failing time.Time // since when; zero = not
	lasts   time.Time // the same by the steady clock
	saidAt  time.Time // since when in these words, by that clock
	fact    strategies.Fact
}

// meets takes what an exchange came to, nil or its error, and when, by the wall's clock and
// the steady one. It tells whether that is something else than the exchange before met.
func (e *end) meets(err error, at, steady time.Time, patience time.Duration) (changed bool) {
	if err == nil {
		changed = e.said != ""
		if !e.fact.Known || len(e.fact.Problems) > 0 {
			e.fact = strategies.Fact{Known: true, Since: at}
		}
		e.said, e.failing = "", time.Time{}
		return changed
	}
	if changed = e.said != err.Error(); changed {
		e.said, e.saidAt = err.Error(), steady
	}
	if e.failing.IsZero() {
		e.failing, e.lasts = at, steady
	}
	lasts := e.lasts
	if len(e.fact.Problems) > 0 {
		lasts = e.saidAt
	}
	if !e.fact.Known || steady.Sub(lasts) >= patience {
		trouble := &strategies.Trouble{Reason: strategies.Unusable, Problem: strategies.Problem{Message: err.Error()}}
		errors.As(err, &trouble)
		e.fact = strategies.Fact{Known: true, Reason: trouble.Reason, Problems: []strategies.Problem{trouble.Problem}, Since: e.failing}
	}
	return changed
}

// now is the time as it is told.
func (r *Reconciler) now() time.Time { return r.Now().UTC() }

// meetMirror notes what a poll came to.
func (r *Reconciler) meetMirror(err error) {
	r.mu.Lock()
	changed := r.around.mirror.meets(err, r.now(), r.steady(), r.Interval)
	r.mu.Unlock()
	switch event := r.Log.Debug(); {
	case err != nil:
		if changed { // else it was said
			event = r.Log.Error()
		}
		event.Err(err).Msg("the mirror cannot be read; what runs goes on")
	case changed:
		r.Log.Info().Msg("the mirror can be read again")
	}
	signal(r.tell)
}

// meetLedger notes what a push came to.
func (r *Reconciler) meetLedger(err error) {
	r.mu.Lock()
	changed := r.around.ledger.meets(err, r.now(), r.steady(), r.Interval)
	r.mu.Unlock()
	switch event := r.Log.Debug(); {
	case err != nil:
		if changed {
			event = r.Log.Error()
		}
		event.Err(err).Msg("the ledger cannot be written; the rollouts go on and it catches up")
	case changed:
		r.Log.Info().Msg("the ledger can be written again")
	}
	signal(r.tell)
}

// follows notes what of a commit is told under no rollout. A commit does not pass by
// itself: it is told at once.
func (r *Reconciler) follows(problems []strategies.Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fact := strategies.Fact{Known: true, Problems: problems, Since: r.now()}
	if len(problems) > 0 {
		fact.Reason = strategies.Unfollowed
	}
	r.around.followed = fact
}

// signal: there is something to do; once is enough.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tellLoop tells what belongs to no rollout whenever that changes: what was met, or what
// stands in the ConfigMap. What fails is tried again when the next poll comes here.
func (r *Reconciler) tellLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.tell:
		}
		r.Tell(ctx)
	}
}

// Untold tells that there may be something new that belongs to no rollout.
func (r *Reconciler) Untold() bool { return len(r.tell) > 0 }

// Tell tells what belongs to no rollout, when that says something new.
func (r *Reconciler) Tell(ctx context.Context) {
	select {
	case <-r.tell:
	default:
	}
	err := r.tellAgent(ctx)
	if err != nil && !errors.Is(err, cluster.ErrConflict) && ctx.Err() == nil {
		r.Log.Error().Err(err).Msg("trying again")
	}
}

// untold is a status that the server refuses to have written.
type untold struct {
	status strategies.AgentStatus
	until  time.Time // it is left alone (SPEC 6.6); by the steady clock
}

// tellAgent writes what is known into the ConfigMap and offers it to the ledger, when it
// says something new. Without a ConfigMap and without trouble there is nothing to tell,
// unless a ledger from before the cluster was rebuilt tells otherwise.
//
// The ConfigMap comes first. If we die between the two, the next process offers what it
// finds there, and a ledger that says so already gets no commit.
func (r *Reconciler) tellAgent(ctx context.Context) error {
	if r.Cluster.Behind(strategies.AgentName) {
		return nil // the event that shows our own write comes here
	}
	r.mu.Lock()
	facts := strategies.AgentFacts{Source: r.around.mirror.fact, Followed: r.around.followed, Ledger: r.around.ledger.fact}
	r.mu.Unlock()
	if !facts.Source.Known {
		return nil // at the start, before anything was tried
	}
	record := r.Cluster.ReadAgent()
	var was strategies.AgentStatus
	if json.Unmarshal([]byte(record.Status), &was) != nil {
		was = strategies.AgentStatus{} // a hand wrote it; nothing depends on it
	}
	if r.untold != nil {
		was = r.untold.status
	}
	next := was.Next(r.Namespace, rounded(facts))
	if !record.Found && r.untold == nil && next.Phase == strategies.Healthy {
		r.offerAgent(next)
		return nil
	}
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if record.Status == string(text) {
		r.untold = nil
	} else if r.untold == nil || !r.steady().Before(r.untold.until) {
		err := r.Cluster.TellAgent(ctx, record, text)
		var no *cluster.Refusal
		switch {
		case errors.As(err, &no):
			r.Log.Warn().Err(err).Msg("tried again in a minute; the ledger tells it")
			r.untold = &untold{until: r.steady().Add(refusedFor)}
		case err != nil:
			return err
		default:
			r.untold = nil
		}
	}
	if r.untold != nil {
		r.untold.status = next
	}
	r.offerAgent(next)
	return nil
}

// rounded has times as they survive JSON, which are those that are compared.
func rounded(facts strategies.AgentFacts) strategies.AgentFacts {
	for _, f := range []*strategies.Fact{&facts.Source, &facts.Followed, &facts.Ledger} {
		f.Since = f.Since.Truncate(time.Microsecond)
	}
	return facts
}

// A Told is an AgentStatus on its way to the ledger.
type Told struct {
	Status strategies.AgentStatus
	At     time.Time // when it was offered: the commit's time
	// It was never otherwise: it is told only where the ledger tells a trouble.
	Correction bool
}

// offerAgent hands it to the publisher. What was not published yet is replaced: after an
// outage the ledger tells what is so then.
func (r *Reconciler) offerAgent(s strategies.AgentStatus) {
	s, any := s.ForLedger()
	if !any && r.offeredAgent != "" {
		return // asked for once
	}
	text, err := json.Marshal(s)
	if err != nil || string(text) == r.offeredAgent {
		return
	}
	r.offeredAgent = string(text)
	r.mu.Lock()
	r.pendingAgent = &Told{Status: s, At: r.now(), Correction: !any}
	r.mu.Unlock()
	signal(r.publish)
	if c, _ := s.Condition(strategies.SourceReady); c.Status == "True" {
		signal(r.retry) // the ledger is often on the same server
	}
}
