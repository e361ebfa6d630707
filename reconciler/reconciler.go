package reconciler

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/strategies"
)

// A Commit is what the followed branch holds.
type Commit struct {
	Hash    string // 40 hex digits
	Subject string
	Author  string // name <email>
	Tree    fs.FS  // its files; safe for concurrent reading
}

// A Source is the mirror.
type Source interface {
	// Poll gives the branch's commit, and whether it moved since the last call; the
	// first call that succeeds says so. After an error earlier commits stay readable. The
	// error is a *strategies.Trouble where more can be said than its words.
	Poll(ctx context.Context) (c Commit, moved bool, err error)
}

// A Ledger takes status commits.
type Ledger interface {
	// Publish adds the statuses in their order, one commit each, and then agent, unless
	// it is nil. One that says what stands there makes none. After an error, which is as
	// that of Poll, all may be offered again.
	Publish(ctx context.Context, statuses []strategies.Status, agent *Told) error
	// Read gives the last status of a rollout; found is false when there is none.
	Read(ctx context.Context, rollout string) (s strategies.Status, found bool, err error)
}

// Settings are what a reconciler is made with.
type Settings struct {
	Namespace string
	Branch    string        // for status; the Source follows it
	Paths     []string      // directories of the repository to look for rollouts in; "." is all
	Interval  time.Duration // between polls of the mirror
	Source    Source
	Ledger    Ledger
	Cluster   *cluster.Cluster
	Log       zerolog.Logger
	Guards    strategies.Guards // the zero value: all of them on

	Now     func() time.Time     // the wall's clock; nil = the machine's
	Elapsed func() time.Duration // by a clock that never jumps; nil = as Now has it: time.Now has both
	Away    func() time.Duration // how long nobody acted before this process does; nil = nobody can know
	Queue   Queue                // nil = client-go's
}

// A Queue holds the rollouts to look at. One that is there already is not put in twice,
// and one that is being looked at comes back only when that is done.
type Queue = workqueue.TypedRateLimitingInterface[string]

// A Reconciler follows one branch into one namespace. It works by itself ([Reconciler.Run])
// or by steps, for who has a clock and an order of its own: Start, then Poll, Work, Publish
// and Tell, one at a time.
type Reconciler struct {
	Settings
	queue Queue
	began time.Time     // what the steady clock counts from
	told  time.Duration // how far off the wall's clock was when the rollouts were woken for that last; used by Poll alone

	mu      sync.Mutex
	desired map[string]*desired // by rollout
	paths   map[string]string   // directory → rollout, as it was named last
	polled  bool                // the mirror was read at least once
	again   bool                // the last commit could not be taken; used by Poll alone

	memory  map[string]*memory // by rollout; each used by one pass at a time
	pending []strategies.Status
	publish chan struct{} // of size 1: there is something pending

	around       surroundings
	pendingAgent *Told
	offeredAgent string        // used by tellLoop alone, as untold is
	untold       *untold       // nil = the ConfigMap can be written
	tell         chan struct{} // of size 1: what belongs to no rollout may have changed
	retry        chan struct{} // of size 1: the ledger need not be waited for any longer

	end context.CancelCauseFunc
}

// errBehind: the watches have not shown our own last writes yet.
var errBehind = errors.New("behind our own writes")

// errSuperseded: another agent recorded in a later epoch than ours, or went above the one that
// we put on objects and could not record. Only a process that
// has recorded nothing yet, or nothing in the state that stands there, takes over; this one ends.
var errSuperseded = errors.New("another agent has taken over: stopping, so that only one acts")

// memory is what a process knows of a rollout beyond the state: nothing that a restart
// may not forget. Its times are of the steady clock.
type memory struct {
	epoch   int64     // that this process recorded; 0 = it has taken over nothing yet
	home    types.UID // of the ConfigMap that it recorded that in
	claimed int64     // that it put on objects before a record bore it; 0 = none
	// How far the clock of the state's moments was ahead of the steady one, and what had been
	// moved of them then (look).
	looked  bool
	ahead   time.Duration
	moved   time.Duration
	offered string
	// What the server refuses, by action: on the way back, or on the way forward.
	back    bool
	refused map[string]refusal
	// A record that the server refuses, and when it is tried again.
	unrecorded *cluster.Refusal
	recordAt   time.Time
	// What a return decided that acted and was not recorded, and the version of the record that
	// stands there instead; nil = there is none.
	acted *strategies.State
	over  string
	dry   map[string]verdict
	lost  string    // why a lost state cannot be rebuilt, as it was told last
	askAt time.Time // when to try again
}

// recorded tells that what stands there is of this process's epoch. In a ConfigMap that was made
// anew since, the same number may be another's: whoever made it counted from what the live
// objects bear, which need not have had ours (SPEC 6.3).
func (m *memory) recorded(r cluster.Record) bool {
	return m.epoch != 0 && m.epoch == r.State.Epoch && m.home == r.UID()
}

// known puts what this process did into a record that could not be written since: what goes on
// from the record alone would raise again what a return had lowered, by a decision from before it
// (SPEC 6.4). A record that is another one by now was written by somebody, and holds. The epoch is
// the one on record: the next one is still to be taken.
func (m *memory) known(r cluster.Record) cluster.Record {
	if m.acted == nil || !r.Found || r.Version() != m.over {
		m.acted = nil
		return r
	}
	epoch := r.State.Epoch
	r.State = *m.acted
	r.State.Epoch = epoch
	return r
}

// verdict is what a dry-run said.
type verdict struct {
	refusal error
	until   time.Time // it is asked again after; zero = never
}

const workers = 4

// New prepares a reconciler; it starts with Run.
func New(s Settings) *Reconciler {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Away == nil {
		s.Away = func() time.Duration { return 0 }
	}
	if s.Elapsed == nil {
		start := s.Now()
		s.Elapsed = func() time.Duration { return s.Now().Sub(start) }
	}
	if s.Queue == nil {
		limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](20*time.Millisecond, 10*time.Second)
		s.Queue = workqueue.NewTypedRateLimitingQueue(limiter)
	}
	r := &Reconciler{
		Settings: s,
		queue:    s.Queue,
		desired:  map[string]*desired{},
		paths:    map[string]string{},
		memory:   map[string]*memory{},
		publish:  make(chan struct{}, 1),
		tell:     make(chan struct{}, 1),
		retry:    make(chan struct{}, 1),
	}
	r.begin()
	return r
}

// Run works until ctx ends: nothing it started is left running.
func (r *Reconciler) Run(ctx context.Context) error {
	ctx, err := r.Start(ctx)
	defer r.end(nil)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	start := func(f func(context.Context)) {
		wg.Go(func() { f(ctx) })
	}
	start(r.poll)
	start(r.publishLoop)
	start(r.tellLoop)
	for range workers {
		start(r.work)
	}
	<-ctx.Done()
	r.queue.ShutDown()
	wg.Wait()
	return context.Cause(ctx)
}

// wake puts a rollout into the queue; "" is every one.
func (r *Reconciler) wake(rollout string) {
	switch rollout {
	case "":
	case strategies.AgentName:
		signal(r.tell)
		return
	default:
		r.queue.Add(rollout)
		return
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(r.known()))) {
		r.queue.Add(name)
	}
}

// known are the rollouts of the followed commit and those that have a state.
func (r *Reconciler) known() []string {
	names := r.Cluster.Rollouts()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.AppendSeq(names, maps.Keys(r.desired))
}

func (r *Reconciler) work(ctx context.Context) {
	for {
		name, shutdown := r.queue.Get()
		if shutdown {
			return
		}
		r.Work(ctx, name)
		r.queue.Done(name)
	}
}

// Start begins to watch. The context that it gives ends with ctx, and when this process
// may act no longer; the other steps are to be taken with it.
func (r *Reconciler) Start(ctx context.Context) (context.Context, error) {
	ctx, r.end = context.WithCancelCause(ctx)
	r.begin() // it may have waited for long until it could lead
	return ctx, r.Cluster.Start(ctx, r.wake)
}

// Work looks at one rollout, and says in the queue when it is to be looked at again.
func (r *Reconciler) Work(ctx context.Context, name string) {
	recheck, err := r.pass(ctx, name)
	switch {
	case ctx.Err() != nil || errors.Is(err, errBehind):
	case errors.Is(err, errSuperseded):
		r.end(err)
	case errors.Is(err, cluster.ErrConflict):
		r.Log.Debug().Str("rollout", name).Err(err).Msg("the world moved on: deciding again")
		r.queue.AddRateLimited(name)
	case cluster.Refused(err) != nil:
		r.Log.Warn().Str("rollout", name).Err(err).Msg("tried again in a minute")
		r.queue.Forget(name)
		r.queue.AddAfter(name, refusedFor)
	case err != nil:
		r.Log.Error().Str("rollout", name).Err(err).Msg("trying again")
		r.queue.AddRateLimited(name)
	default:
		r.queue.Forget(name)
		if !recheck.IsZero() {
			wait := recheck.Sub(r.steady())
			if wait <= 0 {
				wait = 100 * time.Millisecond // what it waited for is due and did not come: never spin
			}
			r.queue.AddAfter(name, wait)
		}
	}
}

func (r *Reconciler) remember(name string) *memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.memory[name]
	if m == nil {
		m = &memory{dry: map[string]verdict{}, refused: map[string]refusal{}}
		r.memory[name] = m
	}
	return m
}
