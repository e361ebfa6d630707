package gitsync

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Options say which branch of which repository, and how to reach it.
type Options struct {
	URL    string // https://HOST/PATH, or http:// to loopback only; without user or password
	Branch string // short name, such as "main"

	// CAFile is a PEM file of authorities trusted besides the system's roots.
	// It is read again for every exchange, so a rotated CA needs no restart.
	// Empty: the system's roots alone.
	CAFile string

	// CredentialsDir is a mounted Secret with Flux's keys: username and
	// password, or bearerToken, which wins. UsernameFile and PasswordFile name
	// the files one by one instead. All are read again for every exchange.
	// All empty: anonymous.
	CredentialsDir             string
	UsernameFile, PasswordFile string

	// CacheDir holds the object store, in a directory of its own for each
	// repository and branch. It may be lost at any time. One process at a time.
	CacheDir string

	// MayPush is asked right before each push, and its error ends it with nothing pushed.
	// nil: always.
	MayPush func() error

	// Timeout is the longest the server may be silent, before it answers or
	// between two pieces of its answer. A whole answer may take 20 times as
	// long. Zero: 30s.
	Timeout time.Duration

	// MaxBytes is the most that one answer may hold, after decompression of
	// the transfer. Zero: 256 MiB.
	MaxBytes int64
}

const (
	defaultTimeout  = 30 * time.Second
	defaultMaxBytes = 256 << 20
	slowestAnswer   = 20 // times Timeout
)

// withDefaults checks what can be known without asking anybody.
func (o Options) withDefaults() (Options, error) {
	if err := checkURL(o.URL); err != nil {
		return o, err
	}
	if err := checkBranch(o.Branch); err != nil {
		return o, err
	}
	if o.CacheDir == "" {
		return o, errors.New("a cache directory is needed to keep Git objects in")
	}
	if o.CredentialsDir != "" && (o.UsernameFile != "" || o.PasswordFile != "") {
		return o, errors.New("credentials are given twice: give a directory, or a username and a password file")
	}
	if o.UsernameFile != "" && o.PasswordFile == "" {
		return o, errors.New("a username file is of no use without a password file")
	}
	if o.Timeout < 0 || o.MaxBytes < 0 {
		return o, errors.New("a timeout or a size limit cannot be negative")
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	o.URL = strings.TrimRight(o.URL, "/")
	return o, nil
}

// checkURL never quotes a URL that may hold a secret.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the repository URL cannot be read: write it as https://HOST/PATH")
	case u.User != nil:
		return errors.New("the repository URL holds a user or a password, which would show in logs: move it to the credentials")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("the repository URL holds a query or a fragment: write it as https://HOST/PATH")
	case u.Hostname() == "" || strings.Trim(u.Path, "/") == "":
		return fmt.Errorf("%q names no host or no repository: write it as https://HOST/PATH", raw)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("%s would send credentials and code unencrypted: use https (plain http is for loopback only)", raw)
	}
	return fmt.Errorf("%s is not https: write it as https://HOST/PATH", raw)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func checkBranch(name string) error {
	if name == "" {
		return errors.New("a branch is needed")
	}
	if strings.HasPrefix(name, "refs/") {
		return fmt.Errorf("branch %q: give its short name, such as main", name)
	}
	if err := plumbing.NewBranchReferenceName(name).Validate(); err != nil {
		return fmt.Errorf("branch %q is not a name that Git allows", name)
	}
	return nil
}
