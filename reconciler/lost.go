package reconciler

import (
	"context"
	"fmt"
	"time"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/strategies"
)

// lost is asked when a rollout has no state. Objects without a state are never a first
// release, and neither is an empty namespace that the ledger knows a stable revision of
// (SPEC 6.5). It reports whether the pass may go on; when not, nothing is written, so
// that what little is known is not overwritten.
func (r *Reconciler) lost(ctx context.Context, t *turn) (proceed bool, err error) {
	said, found, err := r.Ledger.Read(ctx, t.name)
	if err != nil {
		return false, fmt.Errorf("no state, and the ledger cannot be read to tell whether this is the first release: %w", err)
	}
	var sight cluster.Sight
	if t.desired.release != nil {
		sight = r.Cluster.Observe(time.Now().UTC(), cluster.Subject{Rollout: t.name, Release: t.desired.release})
	}
	switch {
	case t.desired.release == nil && found:
		return false, fmt.Errorf("the state is gone and the commit cannot be rendered, so it cannot be rebuilt: %w", t.desired.err)
	case !found && !sight.Live():
		return true, nil // a first release
	case !found:
		r.Log.Error().Str("rollout", t.name).Msgf("held: the cluster has objects of this rollout, but neither its state nor the ledger is there: restore ConfigMap kexal-%s, or delete the objects", t.name)
		return false, nil
	case !sight.Live():
		if said.Stable != nil && said.Stable.Revision != t.desired.release.Revision {
			r.Log.Error().Str("rollout", t.name).Msgf("held: the namespace has no object of this rollout, the ledger says that %s is stable, and Git asks for %s: revert to commit %s first", said.Stable.Revision, t.desired.release.Revision, said.Stable.Commit)
			return false, nil
		}
		return true, nil
	}
	colors := r.tracks(t, sight)
	provisional := strategies.State{}
	if blue, ok := colors[strategies.Blue]; ok {
		provisional.Stable = &blue
	}
	if green, ok := colors[strategies.Green]; ok {
		provisional.Candidate = &green
	}
	seen := r.Cluster.Observe(time.Now().UTC().Truncate(time.Microsecond), cluster.Subject{Rollout: t.name, Release: t.desired.release, State: provisional})
	seen.Observation.Wanted = t.desired.wanted()
	state, err := strategies.Rebuild(t.desired.spec, said, colors, seen.Observation)
	if err != nil {
		r.Log.Error().Str("rollout", t.name).Msgf("held: %v", err)
		return false, nil
	}
	state.Spec = &t.desired.spec
	r.Log.Warn().Str("rollout", t.name).Int("step", state.Step).Msg("the state was gone: rebuilt from what is live and from the ledger")
	t.record.State = state
	return true, nil
}

// tracks are the revisions that the live Deployments hold, by colour. What Services
// select them by is what Git says now.
func (r *Reconciler) tracks(t *turn, sight cluster.Sight) map[strategies.Color]strategies.Track {
	found := map[strategies.Color]strategies.Track{}
	for color, slot := range sight.Slots {
		if slot.Exists {
			track := t.desired.release.Track("")
			track.Color, track.Revision, track.Images = color, slot.Revision, nil
			found[color] = track
		}
	}
	return found
}
