package gitsync

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// newTransport makes a go-git transport of our own. The sessions are made from
// it directly: go-git's registry of protocols (client.InstallProtocol) is
// global, so two repositories with different CAs would share one client.
func newTransport(o Options, ca []byte) (transport.Transport, *http.Transport, error) {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 2,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: o.Timeout,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if len(ca) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			return nil, nil, fmt.Errorf("read the system's roots: %w", err)
		}
		if !roots.AppendCertsFromPEM(ca) {
			return nil, nil, fmt.Errorf("%s holds no certificate: put the CA there in PEM form", o.CAFile)
		}
		t.TLSClientConfig.RootCAs = roots
	}
	if strings.HasPrefix(o.URL, "http:") {
		// The name localhost is checked once more where it cannot lie: at the
		// address that is dialled.
		t.Proxy = nil
		t.DialContext = (&net.Dialer{Control: onlyLoopback}).DialContext
	}
	client := &http.Client{
		Transport:     &guard{next: t, silence: o.Timeout, maxBytes: o.MaxBytes},
		CheckRedirect: stayOnHost,
	}
	return githttp.NewClient(client), t, nil
}

func onlyLoopback(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s is not loopback: use https", host)
	}
	return nil
}

// stayOnHost follows a redirect only to the same scheme and host, where forges
// send those who forgot ".git". Anywhere else is another party, which is
// neither sent credentials nor believed.
func stayOnHost(req *http.Request, via []*http.Request) error {
	from := via[0].URL
	if req.URL.Scheme != from.Scheme || req.URL.Host != from.Host {
		return &redirectError{from: from.Host, to: req.URL.Scheme + "://" + req.URL.Host}
	}
	return nil
}

type redirectError struct{ from, to string }

func (e *redirectError) Error() string {
	return oneLine(fmt.Sprintf("%s redirects to %s, which is not followed", e.from, e.to))
}

// client gives the transport for the CA as it is now.
func (r *remote) client() (transport.Transport, error) {
	var ca []byte
	if r.opts.CAFile != "" {
		b, err := os.ReadFile(r.opts.CAFile)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// It may come later: an optional Secret. Until then the system's roots.
		case err != nil:
			return nil, fmt.Errorf("read the CA: %w", err)
		}
		ca = b
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.git != nil && bytes.Equal(ca, r.ca) {
		return r.git, nil
	}
	git, conns, err := newTransport(r.opts, ca)
	if err != nil {
		return nil, err
	}
	if r.conns != nil {
		r.conns.CloseIdleConnections()
	}
	r.git, r.conns, r.ca = git, conns, ca
	return git, nil
}

// close lets go of idle connections. The remote can still be used afterwards.
func (r *remote) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns != nil {
		r.conns.CloseIdleConnections()
	}
}

// begin starts an exchange with the server: the requests that belong together.
// It must be ended.
func (r *remote) begin(ctx context.Context) (*exchange, error) {
	x := &exchange{remote: r, caller: ctx, trace: &trace{}}
	git, err := r.client()
	if err != nil {
		return nil, &Error{Of: r.of, URL: r.url, What: err.Error()}
	}
	auth, secrets, err := readCredentials(r.opts)
	if err != nil {
		return nil, &Error{Of: r.of, URL: r.url, What: err.Error(), Err: ErrDenied}
	}
	if auth != nil { // a nil of a concrete type would not be nil to go-git
		x.auth = auth
	}
	x.git, x.secrets = git, secrets
	x.ctx, x.cancel = context.WithCancel(context.WithValue(ctx, traceKey{}, x.trace))
	return x, nil
}

// end closes what go-git left open.
func (x *exchange) end() {
	x.trace.closeAll()
	x.cancel()
}
