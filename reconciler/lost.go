package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/strategies"
)

// lost is asked when a rollout has no state. Objects without a state are never a first
// release, and neither is an empty namespace that the ledger knows a stable revision of
// (SPEC 6.5). It reports whether the pass may go on. When not, the rollout is held: the
// status says which facts are missing or disagree, no state is written over what little
// is known, and it is asked again later.
func (r *Reconciler) lost(ctx context.Context, t *turn) (proceed bool, askAgain time.Time, err error) {
	now := r.steady()
	if now.Before(t.memory.askAt) {
		return false, t.memory.askAt, nil
	}
	why := r.rebuild(ctx, t)
	if why == nil {
		t.memory.lost, t.memory.askAt = "", time.Time{}
		return true, time.Time{}, nil
	}
	t.memory.askAt = now.Add(refusedFor)
	if t.memory.lost != why.Error() {
		r.Log.Error().Str("rollout", t.name).Msgf("held: %v", why)
		held := strategies.State{Phase: strategies.Degraded, Reason: strategies.Held, Message: why.Error(), Since: r.now().Truncate(time.Microsecond), Source: t.desired.source}
		text, err := json.Marshal(held.Status(t.name, r.Namespace, strategies.Problems(why)))
		if err != nil {
			return false, t.memory.askAt, err
		}
		// To the cluster alone: the ledger's last word may be all that is left to rebuild
		// from.
		if err := r.Cluster.Tell(ctx, t.name, t.record, text); err != nil {
			if no := (*cluster.Refusal)(nil); !errors.As(err, &no) {
				t.memory.askAt = time.Time{} // nobody knows of it yet: it is tried again as any write
			}
			return false, t.memory.askAt, err
		}
		t.memory.lost = why.Error()
	}
	return false, t.memory.askAt, nil
}

// rebuild puts a state into the turn's record, or none for a first release; the error
// says why it can do neither.
func (r *Reconciler) rebuild(ctx context.Context, t *turn) error {
	said, found, err := r.Ledger.Read(ctx, t.name)
	live := r.Cluster.Live(t.name)
	switch {
	case err != nil:
		return fmt.Errorf("there is no state, and the ledger cannot be read to tell whether this is the first release: %w: mend the ledger, or restore ConfigMap kexal-%s", err, t.name)
	case !found && !live:
		return nil // a first release
	case !found:
		return fmt.Errorf("the namespace has objects of this rollout, but neither its state nor the ledger is there: restore ConfigMap kexal-%s, or delete the objects", t.name)
	case t.desired.release == nil:
		return fmt.Errorf("the state is gone, and it cannot be rebuilt from a commit with a mistake: %w", t.desired.err)
	case !live:
		if said.Stable != nil && said.Stable.Revision != t.desired.release.Revision {
			return fmt.Errorf("the namespace has no object of this rollout, the ledger says that %s is stable, and Git asks for %s: go back to commit %s first", said.Stable.Revision, t.desired.release.Revision, said.Stable.Commit)
		}
		return nil
	}
	sight := r.Cluster.Observe(r.now(), cluster.Subject{Rollout: t.name, Release: t.desired.release})
	revisions := map[strategies.Color]string{}
	for _, name := range slices.Sorted(maps.Keys(sight.Workloads)) {
		for color, slot := range sight.Workloads[name] {
			if known := revisions[color]; slot.Exists && known != "" && known != slot.Revision {
				return fmt.Errorf("the state is gone, and the Deployments in %s hold %s and %s: restore ConfigMap kexal-%s, or delete those of the one that does not serve", color, known, slot.Revision, t.name)
			}
			if slot.Exists {
				revisions[color] = slot.Revision
			}
		}
	}
	colors, provisional := strategies.Known(t.desired.release.Track(""), revisions, said)
	seen := r.Cluster.Observe(r.now().Truncate(time.Microsecond), cluster.Subject{Rollout: t.name, Release: t.desired.release, State: provisional})
	seen.Observation.Wanted, seen.Observation.Claimed = t.desired.wanted(), t.memory.claimed
	state, err := strategies.Rebuild(t.desired.spec, said, colors, seen.Observation)
	if err != nil {
		return err
	}
	state.Spec = &t.desired.spec
	r.Log.Warn().Str("rollout", t.name).Int("step", state.Step).Msg("the state was gone: rebuilt from what is live and from the ledger")
	t.record.State = state
	return nil
}
