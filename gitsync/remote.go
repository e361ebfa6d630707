package gitsync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// A remote is one branch on a server. It speaks Git's protocol through go-git's
// sessions rather than go-git's Remote, which asks for the refs once more
// before each fetch, and compares a push with refs of its own rather than with
// the parent it was built on.
type remote struct {
	of   string // "mirror" or "ledger", for errors
	url  string
	ref  plumbing.ReferenceName
	opts Options

	mu    sync.Mutex // guards the client, made anew when the CA changes
	git   transport.Transport
	conns *http.Transport
	ca    []byte
}

func newRemote(of string, o Options) *remote {
	return &remote{of: of, url: o.URL, ref: plumbing.NewBranchReferenceName(o.Branch), opts: o}
}

func (r *remote) credentialsPlace() string {
	if r.opts.CredentialsDir != "" {
		return r.opts.CredentialsDir
	}
	return r.opts.PasswordFile
}

// An exchange is the requests that belong together, made with the same
// credentials.
type exchange struct {
	remote  *remote
	caller  context.Context // as given, to tell its end from ours
	ctx     context.Context
	cancel  context.CancelFunc
	trace   *trace
	git     transport.Transport
	auth    transport.AuthMethod
	secrets []string
	pushing bool

	upload transport.UploadPackSession
	refs   *packp.AdvRefs
}

func (x *exchange) endpoint() (*transport.Endpoint, error) {
	ep, err := transport.NewEndpoint(x.remote.url)
	if err != nil {
		return nil, errors.New("the repository URL cannot be read")
	}
	return ep, nil // a new one each time: a session rewrites it when redirected
}

// tip asks where the branch is, in one request. Zero: it is not there.
func (x *exchange) tip() (plumbing.Hash, error) {
	ep, err := x.endpoint()
	if err != nil {
		return plumbing.ZeroHash, x.explain(err)
	}
	if x.upload, err = x.git.NewUploadPackSession(ep, x.auth); err != nil {
		return plumbing.ZeroHash, x.explain(err)
	}
	x.refs, err = x.upload.AdvertisedReferencesContext(x.ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return plumbing.ZeroHash, nil
	}
	if err != nil {
		return plumbing.ZeroHash, x.explain(err)
	}
	return x.refs.References[x.remote.ref.String()], nil
}

// download fetches want, and what it needs beyond haves, into s. With shallow,
// the commit alone without its history. To be called after tip.
func (x *exchange) download(s *store, want plumbing.Hash, haves []plumbing.Hash, shallow bool) error {
	req := packp.NewUploadPackRequestFromCapabilities(x.refs.Capabilities)
	req.Wants = []plumbing.Hash{want}
	req.Haves = haves
	if x.refs.Capabilities.Supports(capability.NoProgress) {
		_ = req.Capabilities.Set(capability.NoProgress)
	}
	if shallow {
		if x.refs.Capabilities.Supports(capability.Shallow) {
			_ = req.Capabilities.Set(capability.Shallow)
			req.Depth = packp.DepthCommits(1)
			// Said to be shallow, a have promises its own tree and no more:
			// without this the server may leave out what older commits hold.
			req.Shallows = append(req.Shallows, haves...)
		} else {
			req.Haves = nil // everything, rather than a hole
		}
	}
	res, err := x.upload.UploadPack(x.ctx, req)
	if err != nil {
		return x.explain(err)
	}
	defer res.Close()
	var pack io.Reader = res
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		pack = sideband.NewDemuxer(sideband.Sideband64k, res)
	case req.Capabilities.Supports(capability.Sideband):
		pack = sideband.NewDemuxer(sideband.Sideband, res)
	}
	if err := s.receive(pack); err != nil {
		return x.explain(err)
	}
	return nil
}

// onTheWire tells whether the server or the way to it failed, rather than
// something here: then fetching anew would only fail again.
func (x *exchange) onTheWire(err error) bool {
	return x.trace.firstFault() != nil || x.caller.Err() != nil ||
		errors.Is(err, ErrUnreachable) || errors.Is(err, ErrDenied) || errors.Is(err, ErrUntrusted)
}

// push moves the branch from old to tip, given the objects that are new in
// pack. The server compares: the request carries old, and Git updates a ref
// only while it still has that value, whatever happened since we asked. A zero
// old creates the branch, and is refused when it exists.
//
// ErrRemoteMoved: it was no longer at old. ErrRefused: it still is, and the
// server said no. Other errors: the answer is unknown, or there was none.
func (r *remote) push(ctx context.Context, old, tip plumbing.Hash, pack []byte) error {
	answer, err := r.tryPush(ctx, old, tip, pack)
	if answer == pushed || answer == neverSent {
		return err
	}
	// Refused, or the answer was lost. The reason is text, made for people; what
	// counts is where the branch is now.
	now, askErr := r.tip(ctx)
	switch {
	case askErr != nil:
		return err
	case now == tip:
		return nil
	case now != old:
		return ErrRemoteMoved
	}
	return err
}

// tip asks where the branch is.
func (r *remote) tip(ctx context.Context) (plumbing.Hash, error) {
	x, err := r.begin(ctx)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	defer x.end()
	return x.tip()
}

type pushAnswer int

const (
	neverSent pushAnswer = iota
	pushed
	unclear // sent; refused, or not answered
)

func (r *remote) tryPush(ctx context.Context, old, tip plumbing.Hash, pack []byte) (pushAnswer, error) {
	x, err := r.begin(ctx)
	if err != nil {
		return neverSent, err
	}
	defer x.end()
	x.pushing = true
	ep, err := x.endpoint()
	if err != nil {
		return neverSent, x.explain(err)
	}
	session, err := x.git.NewReceivePackSession(ep, x.auth)
	if err != nil {
		return neverSent, x.explain(err)
	}
	refs, err := session.AdvertisedReferencesContext(x.ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		refs, err = packp.NewAdvRefs(), nil // the first push into it
	}
	if err != nil {
		return neverSent, x.explain(err)
	}
	switch refs.References[r.ref.String()] {
	case old:
	case tip: // pushed before, and the answer was lost
		return pushed, nil
	default:
		return neverSent, ErrRemoteMoved
	}

	heard := &cappedText{}
	req := packp.NewReferenceUpdateRequestFromCapabilities(refs.Capabilities)
	if refs.Capabilities.Supports(capability.Sideband64k) { // carries what a hook prints
		_ = req.Capabilities.Set(capability.Sideband64k)
		req.Progress = heard
	}
	req.Commands = []*packp.Command{{Name: r.ref, Old: old, New: tip}}
	req.Packfile = io.NopCloser(bytes.NewReader(pack))
	report, err := session.ReceivePack(x.ctx, req)
	if report == nil {
		if err == nil {
			err = errors.New("the server did not say whether it took the push")
		}
		return unclear, x.explain(err)
	}
	// Only a line about our own ref counts: some servers say "unpack ok" and
	// nothing else.
	for _, s := range report.CommandStatuses {
		if s.ReferenceName == r.ref && err == nil {
			return pushed, nil
		}
	}
	return unclear, x.refused(report, heard.String())
}

func (x *exchange) refused(report *packp.ReportStatus, heard string) error {
	why := "unpack " + report.UnpackStatus
	for _, s := range report.CommandStatuses {
		if s.ReferenceName == x.remote.ref {
			why = s.Status
		}
	}
	if heard != "" {
		why += ": " + heard
	}
	branch := x.remote.opts.Branch
	return &Error{
		Of: x.remote.of, URL: x.remote.url, Err: ErrRefused,
		What: fmt.Sprintf("push to %s refused: %s", branch, x.scrub(why)),
		Fix:  "let this user push to branch " + branch + ", or choose another branch or repository",
	}
}

// cappedText keeps the first 4 KiB written to it.
type cappedText struct{ bytes.Buffer }

func (c *cappedText) Write(p []byte) (int, error) {
	if room := 4<<10 - c.Len(); room > 0 {
		c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
