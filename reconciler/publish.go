package reconciler

import (
	"context"
	"time"

	"github.com/kexal/kexal/strategies"
)

// maxPending bounds what waits for the ledger while Git is down: of what is beyond, the
// oldest transitions are not told.
const maxPending = 200

// offer hands a status to the publisher. Nothing waits for Git.
func (r *Reconciler) offer(s strategies.Status) {
	r.mu.Lock()
	r.pending = append(r.pending, s)
	if beyond := len(r.pending) - maxPending; beyond > 0 {
		r.pending = r.pending[beyond:]
	}
	r.mu.Unlock()
	signal(r.publish)
}

// publishLoop brings to the ledger what waits for it, until ctx ends.
func (r *Reconciler) publishLoop(ctx context.Context) {
	const least, most = time.Second, time.Minute
	wait := least
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.publish:
		}
		for r.Unpublished() {
			if r.Publish(ctx) == nil {
				wait = least
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			case <-r.retry:
			}
			wait = min(2*wait, most)
		}
	}
}

// Unpublished tells that something waits for the ledger.
func (r *Reconciler) Unpublished() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pending) > 0 || r.pendingAgent != nil
}

// Publish brings statuses to the ledger in their order, and after them what belongs to no
// rollout; those that came meanwhile share the next push. What fails waits again.
//
// If we die before the push, the next agent offers what the state says then; if the
// answer of a push is lost, the same statuses make no second commit.
func (r *Reconciler) Publish(ctx context.Context) error {
	r.mu.Lock()
	batch, agent := r.pending, r.pendingAgent
	r.pending, r.pendingAgent = nil, nil
	r.mu.Unlock()
	err := r.Ledger.Publish(ctx, batch, agent)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.meetLedger(err)
	if err == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = append(batch, r.pending...)
	if r.pendingAgent == nil {
		r.pendingAgent = agent
	}
	return err
}
