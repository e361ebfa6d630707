package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// leaseName is fixed: two agents of one namespace must meet (SPEC 6.3).
const leaseName = "kexal"

// A leader that cannot renew for renewDeadline stops before others may take the Lease,
// which they do after leaseDuration: a renewal that fails is noticed at most retryPeriod
// late, so 10 + 2 < 15.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

var errLeaseLost = errors.New("the Lease was lost: stopping, so that only one agent acts")

// lead runs work while this agent holds the Lease. When it loses it the process ends:
// what was begun is fenced by its epoch, and another goes on. On the way out the Lease is
// given back only when the work has ended.
func lead(parent context.Context, config *rest.Config, namespace string, log zerolog.Logger, work func(context.Context) error) error {
	// A connection of its own, so that renewing never waits behind anything else: a dialler
	// of its own keeps client-go from sharing the transport.
	config = rest.CopyConfig(config)
	config.Dial = (&net.Dialer{Timeout: retryPeriod}).DialContext
	client, err := coordination.NewForConfig(config)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	me := fmt.Sprintf("%s_%d_%d", host, os.Getpid(), time.Now().UnixNano())
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	var led atomic.Bool
	done := make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: leaseName, Namespace: namespace},
			Client:     client,
			LockConfig: resourcelock.ResourceLockConfig{Identity: me},
		},
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		// Not ReleaseOnCancel: it would release while passes are in flight, and after a
		// lost renewal it waits for the release before it ends the work.
		Name: leaseName,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				led.Store(true)
				defer close(done)
				log.Info().Msg("leading")
				if err := work(ctx); err != nil && ctx.Err() == nil {
					stop(err)
				}
			},
			OnStoppedLeading: func() {},
			OnNewLeader: func(holder string) {
				if led.Load() && holder != me {
					stop(errLeaseLost) // we slept past it
				}
				log.Debug().Str("leader", holder).Msg("the Lease is held")
			},
		},
	})
	if err != nil {
		return err
	}
	elector.Run(ctx) // its end is the end of the work's context
	if led.Load() {
		<-done
	}
	switch cause := context.Cause(ctx); {
	case parent.Err() != nil:
		if led.Load() {
			giveBack(client, namespace, me, log)
		}
		log.Info().Msg("stopped")
		return nil
	case cause != nil:
		return cause
	}
	return errLeaseLost
}

// giveBack frees the Lease when it is still ours, so that the next agent need not wait
// for it to expire. When it fails the next one waits: nothing else is lost.
func giveBack(client coordination.LeasesGetter, namespace, me string, log zerolog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), retryPeriod)
	defer cancel()
	leases := client.Leases(namespace)
	lease, err := leases.Get(ctx, leaseName, metav1.GetOptions{})
	if err == nil && lease.Spec.HolderIdentity != nil && *lease.Spec.HolderIdentity == me {
		nobody, second := "", int32(1)
		lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds = &nobody, &second
		_, err = leases.Update(ctx, lease, metav1.UpdateOptions{}) // fenced by its resourceVersion
	}
	if err != nil {
		log.Warn().Err(err).Msg("the Lease could not be given back; it expires by itself")
	}
}
