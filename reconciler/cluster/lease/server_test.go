package lease

import (
	"context"
	"errors"
	"strconv"
	"sync"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A server keeps one Lease as an API server does: each write makes a new version, and
// replaces only the version it names.
type server struct {
	mu      sync.Mutex
	lease   *coordinationv1.Lease // nil = none
	version int
	writes  int
}

var resource = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func (s *server) get() (*coordinationv1.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == nil {
		return nil, apierrors.NewNotFound(resource, name)
	}
	return s.lease.DeepCopy(), nil
}

func (s *server) store(o *coordinationv1.Lease) *coordinationv1.Lease {
	s.version++
	s.writes++
	s.lease = o.DeepCopy()
	s.lease.ResourceVersion = strconv.Itoa(s.version)
	return s.lease.DeepCopy()
}

func (s *server) create(o *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease != nil {
		return nil, apierrors.NewAlreadyExists(resource, name)
	}
	return s.store(o), nil
}

func (s *server) update(o *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lease == nil:
		return nil, apierrors.NewNotFound(resource, name)
	case s.lease.ResourceVersion != o.ResourceVersion:
		return nil, apierrors.NewConflict(resource, name, errors.New("it is another version"))
	}
	return s.store(o), nil
}

// write changes the Lease as somebody else would; nil deletes it.
func (s *server) write(change func(*coordinationv1.Lease)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if change == nil {
		s.lease = nil
		return
	}
	o := s.lease.DeepCopy()
	change(o)
	s.store(o)
}

func (s *server) holder() string {
	o, err := s.get()
	if err != nil {
		return ""
	}
	return holderOf(o)
}

// A wire is one agent's way to the server. each is asked before and after every request
// and may wait, or fail: before, nothing reaches the server; after, the answer is lost.
type wire struct {
	*server
	each func(ctx context.Context, after bool) error
}

func over[T any](w wire, ctx context.Context, do func() (T, error)) (answer T, err error) {
	if err := w.each(ctx, false); err != nil {
		return answer, err
	}
	made, err := do()
	if err := w.each(ctx, true); err != nil {
		return answer, err
	}
	return made, err
}

func (w wire) Get(ctx context.Context, _ string, _ metav1.GetOptions) (*coordinationv1.Lease, error) {
	return over(w, ctx, w.get)
}

func (w wire) Create(ctx context.Context, o *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return over(w, ctx, func() (*coordinationv1.Lease, error) { return w.create(o) })
}

func (w wire) Update(ctx context.Context, o *coordinationv1.Lease, _ metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	return over(w, ctx, func() (*coordinationv1.Lease, error) { return w.update(o) })
}
