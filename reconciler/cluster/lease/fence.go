package lease

import (
	"net/http"
	"time"
)

// Held fails when no renewal was accepted in the last 10 s: others may take the Lease
// 5 s later. It looks at the clock, not at a timer: in a process that was stopped and
// goes on, what was about to write may run before any timer does.
//
// It fails for a second more when one is accepted again: what was seen before is old, and
// the watches are only just telling what came meanwhile.
func (l *Lease) Held() error {
	if l.age() > stopAfter {
		return errNotHeld
	}
	if back := l.back.Load(); back != nil && time.Since(*back) < looksFirst {
		return errAway
	}
	return nil
}

// age is the time since the last renewal, by the clock that says more: the monotonic one
// stands still while a machine sleeps.
func (l *Lease) age() time.Duration {
	renewed := l.renewed.Load()
	if renewed == nil {
		return 1<<63 - 1 // never
	}
	now := time.Now()
	return max(now.Sub(*renewed), now.Round(0).Sub(renewed.Round(0)))
}

// Fence sends what changes something only while the Lease is held.
func (l *Lease) Fence(next http.RoundTripper) http.RoundTripper { return &fence{l, next} }

type fence struct {
	lease *Lease
	next  http.RoundTripper
}

func (f *fence) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := f.lease.Held(); err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // as a RoundTripper must
			}
			return nil, err
		}
	}
	return f.next.RoundTrip(r)
}
