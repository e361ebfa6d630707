// Package lease lets one agent of a namespace act at a time (SPEC 6.3).
//
// The leader renews a Lease every 2 s; the others look at it, and take it when it was
// given back or when they saw no renewal for 15 s. A leader that could not renew for 10 s
// has stopped by then. Whoever overslept its Lease sends no write that was decided before
// (see [Lease.Fence]), and the epoch in every write (SPEC 6.3) is there for the moment
// between that look at the clock and the wire.
//
// The fields and their meaning are those of client-go's elector, so that agents of any
// version meet. Its loop is not used: there one period is both how often the leader
// writes and how often the others look, and a leader that overslept goes on for up to
// 10 s before it says who leads now.
package lease

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
)

// name is fixed: two agents of one namespace must meet.
const name = "kexal"

// A renewal that fails just before stopAfter is followed by a pause and perhaps a request
// that hangs, so a leader that cannot renew ends at most so much later: 10 + 2 + 2 < 15; it
// writes nothing after 10 (see Held). The others count the 15 s from when
// they saw the last renewal, the leader its 10 s from before it sent it.
const (
	lasts        = 15 * time.Second
	stopAfter    = 10 * time.Second
	renewEvery   = 2 * time.Second
	lookEvery    = 300 * time.Millisecond // one GET
	requestLimit = 2 * time.Second
	giveBackIn   = time.Second     // else it expires by itself
	endsWithin   = 3 * time.Second // the work, once it was told to
	looksFirst   = time.Second     // who was away for longer than stopAfter
)

var (
	errTaken   = errors.New("another agent leads: stopping, so that only one acts")
	errLost    = errors.New("the Lease could not be renewed: stopping, so that only one agent acts")
	errNotHeld = errors.New("not sent: the Lease was not renewed in time, and another agent may act")
	errAway    = errors.New("not sent: the agent stood still for a while, and looks at what is there first")
)

// A Lease is this process's part in it.
type Lease struct {
	leases leases
	me     string
	log    zerolog.Logger

	// live is the Lease as we wrote it last: a renewal replaces exactly that. Used by
	// Hold alone.
	live *coordinationv1.Lease
	away time.Duration // see Away; written before the work begins
	// renewed is when the last renewal that was accepted was sent; nil = not held.
	renewed atomic.Pointer[time.Time]
	// back is when a renewal was accepted after none was for longer than stopAfter; nil = never.
	back atomic.Pointer[time.Time]
}

// leases is what is used of client-go's. An Update is a compare-and-swap.
type leases interface {
	Get(ctx context.Context, name string, o metav1.GetOptions) (*coordinationv1.Lease, error)
	Create(ctx context.Context, l *coordinationv1.Lease, o metav1.CreateOptions) (*coordinationv1.Lease, error)
	Update(ctx context.Context, l *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error)
}

// New prepares to hold the Lease of a namespace as me, a name that no other process has.
func New(config *rest.Config, namespace, me string, log zerolog.Logger) (*Lease, error) {
	// A connection of its own, so that renewing never waits behind anything else: a dialler
	// of its own keeps client-go from sharing the transport.
	config = rest.CopyConfig(config)
	config.Dial = (&net.Dialer{Timeout: requestLimit}).DialContext
	client, err := coordination.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Lease{leases: client.Leases(namespace), me: me, log: log}, nil
}

// Hold waits until the Lease is ours, and does the work while it is. It returns nil when
// ctx ended; otherwise what ended the work, or why the Lease is no longer ours: the
// process must end then.
//
// Once the work is told to end it writes nothing more, whether or not it listens, and the
// Lease is given back, so that the next agent need not wait for it to expire.
func (l *Lease) Hold(ctx context.Context, work func(context.Context) error) error {
	defer func() { l.log.Info().Msg("stopped") }()
	if !l.acquire(ctx) {
		return nil
	}
	l.log.Info().Str("name", l.me).Msg("leading")
	term, end := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		end(work(term))
	}()
	end(l.keep(term))
	l.renewed.Store(nil)
	select {
	case <-done:
	case <-time.After(endsWithin):
		l.log.Warn().Msg("the work does not end; nothing that it writes is sent any more")
	}
	cause := context.Cause(term)
	if !errors.Is(cause, errTaken) && !errors.Is(cause, errLost) {
		l.giveBack()
	}
	if ctx.Err() != nil {
		return nil
	}
	return cause
}

// Away is how long nobody had led when the Lease became ours: since it was renewed last, by the
// clocks of two processes, so it is about right. Zero when nobody can know. It is for the work to ask.
func (l *Lease) Away() time.Duration { return l.away }

// keep renews until ctx ends, or fails when the Lease is lost.
func (l *Lease) keep(ctx context.Context) error {
	for pause(ctx, renewEvery) {
		switch err := l.renew(ctx); {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, errTaken):
			return err
		case l.age() > stopAfter:
			return fmt.Errorf("%w: %w", errLost, err)
		default:
			l.log.Warn().Err(err).Msg("the Lease is not renewed; trying on")
		}
	}
	return nil
}

// giveBack frees the Lease when it is still ours. When it fails the next agent waits:
// nothing else is lost.
func (l *Lease) giveBack() {
	l.log.Info().Msg("giving the Lease back")
	ctx, cancel := context.WithTimeout(context.Background(), giveBackIn)
	defer cancel()
	if err := l.replace(ctx, free); err != nil && !errors.Is(err, errTaken) {
		l.log.Warn().Err(err).Msg("the Lease could not be given back; it expires by itself")
	}
}

// pause waits, and reports false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
