package cluster

import (
	"context"
	"sync"
	"time"
)

// A Pace is how a Cluster waits, and how it does several things at the same time.
type Pace interface {
	// Wait returns after a while, or with the cause when ctx ends before.
	Wait(ctx context.Context, d time.Duration) error
	// AtOnce does all of them and returns when the last is done.
	AtOnce(all ...func())
}

// clock is the machine's own pace.
type clock struct{}

func (clock) Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func (clock) AtOnce(all ...func()) {
	var group sync.WaitGroup
	for _, f := range all {
		group.Go(f)
	}
	group.Wait()
}
