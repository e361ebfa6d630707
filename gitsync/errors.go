package gitsync

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// What can be wrong with a repository, for errors.Is. All but ErrRemoteMoved
// come as an [*Error], which says more.
var (
	ErrUnreachable = errors.New("no usable answer")               // down, slow, unknown host, 5xx, too large
	ErrUntrusted   = errors.New("certificate not trusted")        // TLS did not verify
	ErrDenied      = errors.New("not allowed")                    // 401, 403, or 404: servers hide what one may not see
	ErrNoBranch    = errors.New("no such branch")                 // or an empty repository
	ErrRefused     = errors.New("push refused")                   // by a hook or a protected branch
	ErrRemoteMoved = errors.New("the remote branch has moved on") // parent is no longer its tip
)

// An Error says in one sentence which repository, what is wrong and what to do
// about it. It never holds a credential.
type Error struct {
	Of   string // "mirror" or "ledger"
	URL  string
	What string // what is wrong
	Fix  string // what to do, one imperative sentence; empty when nothing better than waiting is known
	Err  error  // one of the kinds above, or the context's error; nil when none fits
}

func (e *Error) Error() string {
	s := e.Of + " " + e.URL + ": " + e.What
	if e.Fix != "" {
		s += ": " + e.Fix
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// explain turns whatever go-git returned into an Error. go-git drops the chain
// of causes in several places, so what the connection itself saw goes first.
func (x *exchange) explain(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	e := &Error{Of: x.remote.of, URL: x.remote.url}
	if ctxErr := x.caller.Err(); ctxErr != nil {
		e.What, e.Err = ctxErr.Error(), ctxErr
		return e
	}
	if fault := x.trace.firstFault(); fault != nil {
		err = fault
	}
	var unexpected *plumbing.UnexpectedError // has no Unwrap
	if errors.As(err, &unexpected) {
		err = unexpected.Err
	}
	var wrapped *url.Error // its text repeats the URL
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}

	var (
		unknownCA x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		elsewhere *redirectError
		status    *githttp.Err
	)
	switch {
	case errors.As(err, &unknownCA):
		e.What, e.Fix, e.Err = "certificate signed by unknown authority", x.authorityFix(), ErrUntrusted
	case errors.As(err, &hostname):
		e.What, e.Fix, e.Err = hostname.Error(), "use a name that the certificate is for", ErrUntrusted
	case errors.As(err, &invalid):
		e.What, e.Fix, e.Err = invalid.Error(), "renew the server's certificate", ErrUntrusted
	case errors.As(err, &elsewhere):
		e.What, e.Fix, e.Err = elsewhere.Error(), "give the URL it points to, if you trust it", ErrUnreachable
	case errors.Is(err, transport.ErrAuthenticationRequired):
		e.What, e.Fix, e.Err = "the server does not accept these credentials", x.credentialsFix(), ErrDenied
	case errors.Is(err, transport.ErrAuthorizationFailed):
		e.What, e.Fix, e.Err = "the server knows this user but does not allow this", x.allowFix(), ErrDenied
	case errors.Is(err, transport.ErrRepositoryNotFound):
		e.What, e.Fix, e.Err = "there is no such repository, or this user may not see it", "check the URL and the credentials", ErrDenied
	case errors.As(err, &status):
		e.What, e.Err = fmt.Sprintf("the server answers with status %d", status.StatusCode()), ErrUnreachable
		e.Fix = "see why in the log of " + e.host()
	case errors.Is(err, errSilent):
		e.What, e.Err = fmt.Sprintf("the server is silent for %v", x.remote.opts.Timeout), ErrUnreachable
		e.Fix = "see whether " + e.host() + ", or a proxy on the way to it, hangs"
	case errors.Is(err, errEndless):
		e.What, e.Err = fmt.Sprintf("the answer takes longer than %v", slowestAnswer*x.remote.opts.Timeout), ErrUnreachable
		e.Fix = "see why " + e.host() + " is so slow, or follow a smaller repository"
	case errors.Is(err, errTooBig):
		e.What, e.Err = fmt.Sprintf("the answer is larger than %d bytes", x.remote.opts.MaxBytes), ErrUnreachable
		e.Fix = "raise the limit, or follow a smaller repository"
	case x.trace.firstFault() != nil:
		e.What, e.Fix = e.noWay(err)
		e.What, e.Err = x.scrub(e.What), ErrUnreachable
	default:
		e.What = x.scrub(err.Error())
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			e.Err = err
		}
	}
	return e
}

// host is the server's name and port, as it was given.
func (e *Error) host() string {
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" {
		return "the server"
	}
	return u.Host
}

// noWay says how a connection failed and what to look at. The same failure gets the same
// words each time: what Go says has addresses in it that differ from one try to the next.
func (e *Error) noWay(err error) (what, fix string) {
	host := e.host()
	fix = "check that it runs, and that no NetworkPolicy, firewall or proxy keeps this pod from it"
	var name *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "no connection to the proxy on the way to " + host + ": " + innermost(op.Err), "check HTTPS_PROXY and NO_PROXY, and that the proxy runs"
	case errors.As(err, &name) && name.IsNotFound:
		return "the name " + name.Name + " is unknown here", "check the URL, and that the cluster's DNS knows this name"
	case errors.As(err, &name):
		return "the name " + name.Name + " cannot be looked up", "check that this pod may ask the cluster's DNS, and that it answers"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection to " + host + ": " + innermost(op), fix
	case errors.As(err, &op):
		return "the connection to " + host + " broke: " + innermost(op), fix
	}
	return "the connection to " + host + " broke: " + err.Error(), fix
}

// innermost is the cause without the addresses around it.
func innermost(err error) string {
	for {
		var op *net.OpError
		var call *os.SyscallError
		switch {
		case errors.As(err, &op):
			err = op.Err
		case errors.As(err, &call):
			err = call.Err
		default:
			return err.Error()
		}
	}
}

func (x *exchange) credentialsFix() string {
	if place := x.remote.credentialsPlace(); x.auth == nil && place != "" {
		return "it wants a user and a password, and " + place + " holds no credentials: put them there"
	}
	if x.auth == nil {
		return "it wants a user and a password, and none are given: give them as credentials"
	}
	return "check the user and the password, or the token, in " + x.remote.credentialsPlace()
}

// authorityFix: where deploy/ installed us the file is named already, and may not be there.
func (x *exchange) authorityFix() string {
	if file := x.remote.opts.CAFile; file != "" {
		return "put its CA into " + file
	}
	return "give its CA with --ca-file"
}

func (x *exchange) allowFix() string {
	if x.pushing {
		return "let it push to branch " + x.remote.opts.Branch
	}
	return "let it read the repository"
}

// scrub makes text from elsewhere fit to be shown: one line, printable, not
// long, and without the credentials of this exchange should a server echo them.
func (x *exchange) scrub(text string) string {
	for _, secret := range x.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return oneLine(text)
}

// oneLine joins the lines of text, drops what is not printable and keeps the
// first 300 bytes or so.
func oneLine(text string) string {
	const most = 300
	var b strings.Builder
	gap := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			gap = true
			continue
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteRune(r)
		if b.Len() >= most {
			b.WriteString("…")
			break
		}
	}
	return b.String()
}
