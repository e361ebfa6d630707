package lease

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	coordinationv1 "k8s.io/api/coordination/v1"
)

// An agent is a process that holds a Lease; its work only waits to be ended.
type agent struct {
	lease *Lease
	log   *bytes.Buffer
	end   context.CancelFunc // SIGTERM
	works atomic.Bool
	began time.Time
	ended time.Time
	err   error
	gone  chan struct{}
	// What the wire and the work do; set before the first use, or by the test between.
	wire atomic.Pointer[func(ctx context.Context, after bool) error]
	work func(context.Context) error
}

func start(t *testing.T, s *server, name string, options ...func(*agent)) *agent {
	t.Helper()
	a := &agent{log: &bytes.Buffer{}, gone: make(chan struct{})}
	a.work = func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	for _, option := range options {
		option(a)
	}
	each := func(ctx context.Context, after bool) error {
		if f := a.wire.Load(); f != nil {
			return (*f)(ctx, after)
		}
		return ctx.Err()
	}
	a.lease = &Lease{leases: wire{s, each}, me: name, log: zerolog.New(a.log)}
	ctx, end := context.WithCancel(t.Context())
	a.end = end
	go func() {
		defer close(a.gone)
		a.err = a.lease.Hold(ctx, func(ctx context.Context) error {
			a.began = time.Now()
			a.works.Store(true)
			defer func() {
				a.ended = time.Now()
				a.works.Store(false)
			}()
			return a.work(ctx)
		})
	}()
	return a
}

// cut makes every request of an agent fail, or hang until it is given up.
func (a *agent) cut(hang bool) {
	f := func(ctx context.Context, _ bool) error {
		if hang {
			<-ctx.Done()
			return ctx.Err()
		}
		return errors.New("connection refused")
	}
	a.wire.Store(&f)
}

func play(t *testing.T, story func(t *testing.T, s *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(t, &server{}) })
}

// whenWorks gives the time until an agent works.
func (a *agent) whenWorks(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	for !a.works.Load() {
		if time.Since(began) > time.Minute {
			t.Fatalf("%s does not work after a minute; its log:\n%s", a.lease.me, a.log)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

func within(t *testing.T, what string, got, least, most time.Duration) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("%s took %s, not between %s and %s", what, got, least, most)
	}
}

// The leader is told to end: the next one works within 300 ms, after the first one's
// work has ended. Each says once what it does.
func TestHandsOver(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		a := start(t, s, "a")
		a.whenWorks(t)
		b := start(t, s, "b")
		time.Sleep(time.Minute)
		if b.works.Load() {
			t.Fatal("both work")
		}
		a.end()
		within(t, "the hand-over", b.whenWorks(t), 0, lookEvery+time.Millisecond)
		<-a.gone
		if a.err != nil || a.ended.After(b.began) {
			t.Errorf("a ended with %v at %s, b began at %s", a.err, a.ended, b.began)
		}
		b.end()
		<-b.gone
		if b.err != nil || s.holder() != "" {
			t.Errorf("b ended with %v, and %q holds the Lease", b.err, s.holder())
		}
		for _, text := range []string{"leading", "giving the Lease back", "stopped"} {
			if strings.Count(a.log.String(), text) != 1 {
				t.Errorf("a does not say %q once:\n%s", text, a.log)
			}
		}
		if text := "standing by: a leads"; strings.Count(b.log.String(), text) != 1 {
			t.Errorf("b does not say %q once:\n%s", text, b.log)
		}
		if n := *s.lease.Spec.LeaseTransitions; n != 1 {
			t.Errorf("%d transitions, not 1", n)
		}
	})
}

// A standby looks often; only the leader writes, every 2 s.
func TestWritesSeldom(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		a := start(t, s, "a")
		b := start(t, s, "b")
		time.Sleep(time.Minute)
		a.end()
		b.end()
		<-a.gone
		<-b.gone
		if s.writes > 33 {
			t.Errorf("%d writes in a minute", s.writes)
		}
	})
}

// A leader that is cut off ends its work before another may begin, whether its requests
// fail or hang, and may send nothing more from 10 s on.
func TestCutOff(t *testing.T) {
	for _, hang := range []bool{false, true} {
		t.Run(fmt.Sprintf("hang=%v", hang), func(t *testing.T) {
			play(t, func(t *testing.T, s *server) {
				a := start(t, s, "a")
				a.whenWorks(t)
				b := start(t, s, "b")
				time.Sleep(3 * time.Second)
				a.cut(hang)
				cut := time.Now() // 1 s after a renewal
				time.Sleep(stopAfter)
				if a.lease.Held() == nil {
					t.Error("it may still write 11 s after it renewed")
				}
				b.whenWorks(t)
				<-a.gone
				if !errors.Is(a.err, errLost) {
					t.Errorf("a ended with %v", a.err)
				}
				within(t, "a's end", a.ended.Sub(cut), 9*time.Second, 11*time.Second)
				within(t, "b's beginning", b.began.Sub(cut), 14*time.Second, 15*time.Second)
			})
		})
	}
}

// Whoever takes the Lease knows how long nobody led: nobody ever did; the one before was told to
// end; it was killed and its Lease had to expire; nobody came for an hour; the answer to the first
// try was lost (SPEC 5.23).
func TestAway(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		a := start(t, s, "a")
		a.whenWorks(t)
		within(t, "away, of the first", a.lease.Away(), 0, 0)
		time.Sleep(time.Minute)
		b := start(t, s, "b")
		time.Sleep(time.Second)
		a.end()
		b.whenWorks(t)
		within(t, "away, after a hand-over", b.lease.Away(), 0, renewEvery+lookEvery)
		time.Sleep(time.Minute)
		c := start(t, s, "c")
		time.Sleep(time.Second)
		b.cut(false)
		c.whenWorks(t)
		within(t, "away, after one that was cut off", c.lease.Away(), lasts, lasts+renewEvery+lookEvery)
		<-b.gone
		c.end()
		<-c.gone
		time.Sleep(time.Hour)
		var lost bool
		lose := func(_ context.Context, after bool) error {
			if after && !lost && s.holder() == "d" {
				lost = true
				return errors.New("the answer is lost")
			}
			return nil
		}
		d := start(t, s, "d", func(d *agent) { d.wire.Store(&lose) })
		d.whenWorks(t)
		within(t, "away, after an hour", d.lease.Away(), time.Hour, time.Hour+2*renewEvery)
		if !lost {
			t.Error("no answer was lost")
		}
	})
}

// An outage of the API server that is shorter than 10 s is no reason to end.
func TestOutage(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		a := start(t, s, "a")
		a.whenWorks(t)
		time.Sleep(time.Second)
		a.cut(true)
		time.Sleep(8 * time.Second)
		a.wire.Store(nil)
		time.Sleep(time.Minute)
		if !a.works.Load() {
			t.Errorf("it ended: %v", a.err)
		}
		if err := a.lease.Held(); err != nil {
			t.Error(err)
		}
	})
}

// A process that stood still for longer than its Lease allows looks for a second at what is there
// before it writes again. One that begins does not wait.
func TestLooksFirst(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		a := start(t, s, "a")
		a.whenWorks(t)
		if err := a.lease.Held(); err != nil {
			t.Error(err)
		}
		// As it is for who goes on after a long sleep between two renewals.
		long := time.Now().Add(-stopAfter - time.Second)
		a.lease.renewed.Store(&long)
		if err := a.lease.Held(); !errors.Is(err, errNotHeld) {
			t.Errorf("before it is renewed: %v", err)
		}
		for began := time.Now(); !errors.Is(a.lease.Held(), errAway); time.Sleep(time.Millisecond) {
			if a.lease.Held() == nil || time.Since(began) > time.Minute {
				t.Fatalf("it does not look: %v, its log:\n%s", a.lease.Held(), a.log)
			}
		}
		began := time.Now()
		for errors.Is(a.lease.Held(), errAway) {
			time.Sleep(time.Millisecond)
		}
		within(t, "looking", time.Since(began), looksFirst-10*time.Millisecond, looksFirst+10*time.Millisecond)
		if err := a.lease.Held(); err != nil || !a.works.Load() {
			t.Errorf("it does not go on: %v, %v", err, a.err)
		}
	})
}

// The answer to every other write is lost: the Lease is ours all the same.
func TestAnswersLost(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		var last int
		lose := func(_ context.Context, after bool) error {
			if was := last; after && s.writes != was {
				last = s.writes
				if last%2 == 1 {
					return errors.New("the answer is lost")
				}
			}
			return nil
		}
		a := start(t, s, "a", func(a *agent) { a.wire.Store(&lose) })
		a.whenWorks(t)
		b := start(t, s, "b")
		time.Sleep(time.Minute)
		if !a.works.Load() || b.works.Load() {
			t.Errorf("a works: %v (%v), b: %v", a.works.Load(), a.err, b.works.Load())
		}
	})
}

// Another name in the Lease ends a leader at its next renewal, and a leader that slept
// past its Lease finds just that.
func TestTaken(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		a := start(t, s, "a")
		a.whenWorks(t)
		other := "other"
		s.write(func(o *coordinationv1.Lease) { o.Spec.HolderIdentity = &other })
		taken := time.Now()
		<-a.gone
		if !errors.Is(a.err, errTaken) {
			t.Errorf("it ended with %v", a.err)
		}
		within(t, "its end", time.Since(taken), 0, renewEvery)
		if s.holder() != other || strings.Contains(a.log.String(), "giving") {
			t.Errorf("it touched the Lease of %q:\n%s", s.holder(), a.log)
		}
	})
}

// A Lease that somebody deleted is made again by its holder or by another, never by both.
func TestDeleted(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		a := start(t, s, "a")
		a.whenWorks(t)
		s.write(nil)
		time.Sleep(renewEvery + time.Millisecond)
		if s.holder() != "a" || !a.works.Load() {
			t.Errorf("%q holds it; a works: %v", s.holder(), a.works.Load())
		}
		b := start(t, s, "b")
		time.Sleep(time.Second)
		s.write(nil)
		b.whenWorks(t)
		<-a.gone
		if !errors.Is(a.err, errTaken) || s.holder() != "b" {
			t.Errorf("a ended with %v, %q holds the Lease", a.err, s.holder())
		}
	})
}

// Work that does not end keeps neither the process nor the Lease, and may write nothing.
func TestWorkThatDoesNotEnd(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		release := make(chan struct{})
		a := start(t, s, "a", func(a *agent) {
			a.work = func(context.Context) error {
				<-release
				return nil
			}
		})
		a.whenWorks(t)
		asked := time.Now()
		a.end()
		time.Sleep(time.Millisecond)
		if a.lease.Held() == nil {
			t.Error("it may still write")
		}
		<-a.gone
		within(t, "its end", time.Since(asked), endsWithin, endsWithin)
		if s.holder() != "" || a.lease.Held() == nil {
			t.Errorf("%q holds the Lease; it may write: %v", s.holder(), a.lease.Held() == nil)
		}
		close(release)
	})
}

// A server that hangs does not keep an agent that was told to end.
func TestEndsWhileTheServerHangs(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		a := start(t, s, "a")
		a.whenWorks(t)
		b := start(t, s, "b")
		time.Sleep(time.Second)
		for _, a := range []*agent{a, b} {
			a.cut(true)
			asked := time.Now()
			a.end()
			<-a.gone
			within(t, "its end", time.Since(asked), 0, giveBackIn)
			if a.err != nil {
				t.Error(a.err)
			}
		}
	})
}

// Work that fails ends the process, and the next agent need not wait.
func TestWorkFails(t *testing.T) {
	play(t, func(t *testing.T, s *server) {
		broken := errors.New("broken")
		a := start(t, s, "a", func(a *agent) { a.work = func(context.Context) error { return broken } })
		<-a.gone
		if a.err != broken || s.holder() != "" {
			t.Errorf("it ended with %v, and %q holds the Lease", a.err, s.holder())
		}
	})
}

// Whatever becomes of their requests, of several agents at most one may write at any
// moment, and when the network is well again one does.
func TestNeverTwo(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed of the network: %d", seed)
	for round := range 40 {
		play(t, func(t *testing.T, s *server) {
			var (
				mu     sync.Mutex
				random = rand.New(rand.NewPCG(seed, uint64(round)))
				well   atomic.Bool
			)
			draw := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return random.IntN(n)
			}
			trouble := func(ctx context.Context, _ bool) error {
				if well.Load() {
					return ctx.Err()
				}
				kind, wait := draw(10), time.Duration(draw(4000))*time.Millisecond
				switch {
				case kind < 4:
					return errors.New("the connection is reset")
				case kind < 7:
					select {
					case <-ctx.Done():
					case <-time.After(wait):
					}
				}
				return ctx.Err()
			}
			var agents []*agent
			begin := func() {
				agents = append(agents, start(t, s, fmt.Sprint("agent ", len(agents)), func(a *agent) { a.wire.Store(&trouble) }))
			}
			begin()
			begin()
			begin()
			alone := func() int {
				n := 0
				for _, a := range agents {
					if a.works.Load() && a.lease.Held() == nil {
						n++
					}
				}
				if n > 1 {
					t.Fatalf("round %d: %d agents may write at once", round, n)
				}
				return n
			}
			for tick := range 3000 { // 5 minutes
				time.Sleep(100 * time.Millisecond)
				alone()
				if tick%200 == 199 {
					agents[draw(len(agents))].end()
					begin()
				}
			}
			well.Store(true)
			begin()
			time.Sleep(20 * time.Second)
			if alone() != 1 {
				t.Errorf("round %d: nobody works", round)
			}
			for _, a := range agents {
				a.end()
				<-a.gone
			}
		})
	}
}

// What changes something is not sent while the Lease is not held; what reads is.
func TestFence(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	l := &Lease{}
	client := &http.Client{Transport: l.Fence(s.Client().Transport)}
	defer client.CloseIdleConnections()
	ask := func(method string) error {
		request, err := http.NewRequestWithContext(t.Context(), method, s.URL, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err == nil {
			answer.Body.Close()
		}
		return err
	}
	now := time.Now()
	overslept := now.Add(-stopAfter - time.Millisecond)
	// The monotonic clock of a machine that slept says less than the one on the wall.
	slept := now.Add(-stopAfter).Round(0)
	for _, renewed := range []*time.Time{nil, &overslept, &slept} {
		l.renewed.Store(renewed)
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			if err := ask(method); !errors.Is(err, errNotHeld) {
				t.Errorf("%s: %v", method, err)
			}
		}
		if err := ask("GET"); err != nil {
			t.Error(err)
		}
	}
	l.renewed.Store(&now)
	if err := ask("PATCH"); err != nil {
		t.Error(err)
	}
	l.back.Store(&now)
	if err := ask("PATCH"); !errors.Is(err, errAway) {
		t.Errorf("it was away until now: %v", err)
	}
	if err := ask("GET"); err != nil {
		t.Error(err)
	}
}
