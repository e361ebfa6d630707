package lease

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// acquire looks until the Lease is ours; false when ctx ended first.
func (l *Lease) acquire(ctx context.Context) bool {
	var (
		s       sight
		told    string // who was said to lead
		failing bool
	)
	for {
		holder, err := l.try(ctx, &s)
		switch {
		case err == nil && holder == l.me:
			return true
		case ctx.Err() != nil:
			// Should it be ours, and only the answer was lost, it expires by itself.
			return false
		case err != nil && !failing:
			l.log.Warn().Err(err).Msg("the Lease cannot be had; trying on")
		case err == nil && holder != "" && holder != told:
			l.log.Info().Msgf("standing by: %s leads", holder)
			told = holder
		}
		failing = err != nil
		every := lookEvery
		if failing {
			every = renewEvery
		}
		if !pause(ctx, every) {
			return false
		}
	}
}

// sight is the Lease as a standby saw it last. What is written in it is the leader's
// clock, so time is counted by our own, from when we saw it change.
type sight struct {
	version string
	at      time.Time
}

// try takes the Lease when it is free, and tells who has it; "" when another was faster,
// and the next look tells who.
func (l *Lease) try(ctx context.Context, s *sight) (holder string, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	asked := time.Now()
	live, err := l.leases.Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		err = l.create(ctx)
	case err != nil:
		return "", err
	default:
		if live.ResourceVersion != s.version {
			*s = sight{version: live.ResourceVersion, at: time.Now()}
		}
		holder = holderOf(live)
		if holder != "" && holder != l.me && asked.Before(s.at.Add(lastsAs(live))) {
			return holder, nil
		}
		if at := live.Spec.RenewTime; at != nil && holder != l.me { // else the answer of our last try was lost
			l.away = max(time.Since(at.Time), 0)
		}
		err = l.put(ctx, live, l.hold)
	}
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return "", nil
	case err != nil:
		return "", err
	}
	return l.me, nil
}

// renew says that we are still there. It fails with errTaken when the Lease bears another
// name.
func (l *Lease) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	err := l.replace(ctx, l.hold)
	if apierrors.IsNotFound(err) {
		return l.create(ctx) // somebody deleted it
	}
	return err
}

// replace changes the Lease as we wrote it last. When it is another version by now it is
// read: it may be our own, of a write whose answer was lost, or bear another's name.
func (l *Lease) replace(ctx context.Context, change func(*coordinationv1.Lease)) error {
	err := l.put(ctx, l.live, change)
	if !apierrors.IsConflict(err) {
		return err
	}
	live, err := l.leases.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if holder := holderOf(live); holder != l.me {
		return fmt.Errorf("%w (the Lease says %q)", errTaken, holder)
	}
	return l.put(ctx, live, change)
}

func (l *Lease) create(ctx context.Context) error {
	made := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name}}
	l.hold(made)
	sent := time.Now()
	made, err := l.leases.Create(ctx, made, metav1.CreateOptions{})
	return l.note(made, sent, err)
}

// put replaces exactly the Lease that was read.
func (l *Lease) put(ctx context.Context, was *coordinationv1.Lease, change func(*coordinationv1.Lease)) error {
	next := was.DeepCopy()
	change(next)
	sent := time.Now()
	made, err := l.leases.Update(ctx, next, metav1.UpdateOptions{})
	return l.note(made, sent, err)
}

func (l *Lease) note(made *coordinationv1.Lease, sent time.Time, err error) error {
	if err == nil {
		l.live = made
		if holderOf(made) == l.me {
			if now := time.Now(); l.renewed.Load() != nil && l.age() > stopAfter {
				l.back.Store(&now) // before the fence opens
			}
			l.renewed.Store(&sent)
		}
	}
	return err
}

// hold writes our name, and when we were there last.
func (l *Lease) hold(o *coordinationv1.Lease) {
	now, seconds := metav1.NowMicro(), int32(lasts/time.Second)
	if holderOf(o) != l.me {
		changes := int32(0)
		if o.Spec.LeaseTransitions != nil {
			changes = *o.Spec.LeaseTransitions + 1
		}
		o.Spec.HolderIdentity, o.Spec.AcquireTime, o.Spec.LeaseTransitions = &l.me, &now, &changes
	}
	o.Spec.RenewTime, o.Spec.LeaseDurationSeconds = &now, &seconds
}

// free writes that nobody holds it. The server takes no duration below a second.
func free(o *coordinationv1.Lease) {
	nobody, second := "", int32(1)
	o.Spec.HolderIdentity, o.Spec.LeaseDurationSeconds = &nobody, &second
}

func holderOf(o *coordinationv1.Lease) string {
	if o.Spec.HolderIdentity == nil {
		return ""
	}
	return *o.Spec.HolderIdentity
}

func lastsAs(o *coordinationv1.Lease) time.Duration {
	if o.Spec.LeaseDurationSeconds == nil {
		return lasts
	}
	return time.Duration(*o.Spec.LeaseDurationSeconds) * time.Second
}
