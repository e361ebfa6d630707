package gitsync

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

var (
	errSilent  = errors.New("the server is silent")
	errEndless = errors.New("the answer does not end")
	errTooBig  = errors.New("the answer is too large")
)

// A guard bounds every request in time and size: go-git's own client waits for
// ever and reads without end.
type guard struct {
	next     http.RoundTripper
	silence  time.Duration
	maxBytes int64
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	body := &guardedBody{
		ctx:     ctx,
		cancel:  cancel,
		trace:   traceOf(req.Context()),
		silence: g.silence,
		left:    g.maxBytes,
		quiet:   time.AfterFunc(g.silence, func() { cancel(errSilent) }),
		total:   time.AfterFunc(slowestAnswer*g.silence, func() { cancel(errEndless) }),
	}
	res, err := g.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		err = body.fault(err)
		body.stop()
		return nil, err
	}
	body.quiet.Reset(g.silence)
	body.ReadCloser = res.Body
	res.Body = body
	body.trace.opened(body)
	return res, nil
}

type guardedBody struct {
	io.ReadCloser
	ctx          context.Context
	cancel       context.CancelCauseFunc
	trace        *trace
	silence      time.Duration
	left         int64 // bytes that may still come
	quiet, total *time.Timer
}

func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.quiet.Reset(b.silence)
	}
	if b.left -= int64(n); b.left < 0 {
		return n, b.fault(errTooBig)
	}
	if err != nil && err != io.EOF {
		err = b.fault(err)
	}
	return n, err
}

func (b *guardedBody) Close() error {
	err := b.ReadCloser.Close()
	b.stop()
	return err
}

func (b *guardedBody) stop() {
	b.quiet.Stop()
	b.total.Stop()
	b.cancel(nil)
}

// fault notes why the connection failed, and prefers our own reason for
// cancelling it over "context canceled".
func (b *guardedBody) fault(err error) error {
	if cause := context.Cause(b.ctx); errors.Is(cause, errSilent) || errors.Is(cause, errEndless) {
		err = cause
	}
	b.trace.failed(err)
	return err
}

// A trace follows the requests of one exchange: what first went wrong on the
// wire, and which answers are open. go-git closes neither the answer to a push
// nor every answer it fails to read.
type trace struct {
	mu    sync.Mutex
	fault error
	open  []io.Closer
}

type traceKey struct{}

func traceOf(ctx context.Context) *trace {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		return t
	}
	return &trace{}
}

func (t *trace) failed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fault == nil {
		t.fault = err
	}
}

func (t *trace) firstFault() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fault
}

func (t *trace) opened(c io.Closer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = append(t.open, c)
}

func (t *trace) closeAll() {
	t.mu.Lock()
	open := t.open
	t.open = nil
	t.mu.Unlock()
	for _, c := range open {
		_ = c.Close() // read as far as it mattered
	}
}
