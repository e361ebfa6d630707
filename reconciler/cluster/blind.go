package cluster

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"path"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/cache"
)

// A blindness is the kinds whose watch the server refuses: what is known of them is old, and
// grows older (SPEC 6.10). A right that is taken away ends no watch that is open, so this comes
// to light when a connection breaks, which may be long after.
type blindness struct {
	mu    sync.Mutex
	kinds map[string]*Refusal
	wake  func()
}

// refused takes what a watch ended with, and tells when it is a no that was not known.
func (b *blindness) refused(kind string, err error) {
	var no *Refusal
	if !apierrors.IsForbidden(err) || !errors.As(judge("watch "+Watched[kind].Resource, err), &no) {
		return // it passes: a version that is too old is one too
	}
	b.mu.Lock()
	known := b.kinds[kind] != nil
	b.kinds[kind] = no
	b.mu.Unlock()
	if !known {
		b.wake()
	}
}

func (b *blindness) to(kind string) *Refusal {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kinds[kind]
}

// watches sees the watches that the server grants again: client-go tells nobody.
func (b *blindness) watches(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		if err == nil && answer.StatusCode == http.StatusOK && r.URL.Query().Get("watch") == "true" {
			b.granted(path.Base(r.URL.Path))
		}
		return answer, err
	})
}

func (b *blindness) granted(resource string) {
	b.mu.Lock()
	before := len(b.kinds)
	maps.DeleteFunc(b.kinds, func(kind string, _ *Refusal) bool { return Watched[kind].Resource == resource })
	again := len(b.kinds) < before
	b.mu.Unlock()
	if again {
		b.wake()
	}
}

// notice has a watch's end looked at, beside what client-go does about it.
func (b *blindness) notice(kind string, informer cache.SharedIndexInformer) error {
	return informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
		cache.DefaultWatchErrorHandler(ctx, r, err)
		b.refused(kind, err)
	})
}

// blind is the refusal of the first kind, by name, that cannot be seen; nil = all can.
func (c *Cluster) blind() *Refusal {
	for _, kind := range slices.Sorted(maps.Keys(Watched)) {
		if no := c.watches.Refused(kind); no != nil {
			return no
		}
	}
	return nil
}

// blind holds a rollout while a kind cannot be seen: nothing is raised by what may not be so
// any more. What runs goes on, and an abort is tried all the same.
func (s *Sight) blind(no *Refusal) {
	s.Obstacle = no.Mistake()
	s.Held = s.Obstacle.Error()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
