package gitsync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// A Ledger writes commits to a branch that machines own. It is safe for
// concurrent use, and for use by several processes at once: each push is a
// compare-and-swap, and none is ever forced.
//
// Of the branch only the newest commit is kept here, without its history. That
// is sound: a commit on top of it names everything it does not change, and the
// server has all of that.
type Ledger struct {
	remote *remote
	store  *store

	mu  sync.Mutex
	tip plumbing.Hash // the newest commit in the store; zero when none
}

// A Change is one commit to make.
type Change struct {
	Files   map[string][]byte // path to its whole new content; other paths stay
	Remove  []string          // paths to remove; one that is not there is fine
	Message string            // subject, body, trailers; required
	Author  string            // empty: kexal
	Email   string            // empty: kexal@localhost
	When    time.Time         // required, to the second: the same change gives the same commit
}

// OpenLedger prepares to write to a branch, which need not exist yet. It asks
// nobody yet.
func OpenLedger(o Options) (*Ledger, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := openStore(storeDir("ledger", o))
	if err != nil {
		return nil, err
	}
	return &Ledger{remote: newRemote("ledger", o), store: s, tip: s.lastTip()}, nil
}

// Close lets go of idle connections.
func (l *Ledger) Close() error {
	l.remote.close()
	return nil
}

// Tip asks where the branch is, in one request, and fetches it when it moved.
// It is "" when the branch does not exist yet.
func (l *Ledger) Tip(ctx context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tip, err := l.refresh(ctx)
	return name(tip), err
}

func name(h plumbing.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

func (l *Ledger) refresh(ctx context.Context) (plumbing.Hash, error) {
	x, err := l.remote.begin(ctx)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	defer x.end()
	tip, err := x.tip()
	if err != nil || tip.IsZero() {
		return plumbing.ZeroHash, err
	}
	if err := l.bring(x, tip); err != nil {
		if x.onTheWire(err) {
			return plumbing.ZeroHash, x.explain(err)
		}
		err = l.store.replace(func(fresh *store) error { return x.fill(fresh, tip, true) })
		if err != nil {
			return plumbing.ZeroHash, x.explain(err)
		}
	}
	if err := l.store.noteTip(tip); err != nil {
		return plumbing.ZeroHash, x.explain(err)
	}
	l.tip = tip
	return tip, nil
}

func (l *Ledger) bring(x *exchange, tip plumbing.Hash) error {
	if l.store.isDamaged() {
		return errDamaged
	}
	if !l.store.has(tip) {
		if l.store.untidy() {
			return errDamaged
		}
		var haves []plumbing.Hash
		if !l.tip.IsZero() && l.store.has(l.tip) {
			haves = []plumbing.Hash{l.tip}
		}
		if err := x.download(l.store, tip, haves, true); err != nil {
			return err
		}
	}
	return l.store.check(tip)
}

// Read reads a file of at most 1 MiB as of tip, which Tip, Commit or Publish
// gave. It asks nobody. Errors are as for [Snapshot.ReadFile]; with tip "",
// nothing exists.
func (l *Ledger) Read(ctx context.Context, tip, path string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := l.at(tip)
	if err != nil {
		return nil, err
	}
	return s.ReadFile(path)
}

func (l *Ledger) at(tip string) (*Snapshot, error) {
	h := plumbing.NewHash(tip)
	if tip == "" {
		return &Snapshot{store: l.store, root: emptyTree}, nil
	}
	if !plumbing.IsHash(tip) || !l.store.has(h) {
		return nil, &Error{Of: "ledger", URL: l.remote.url,
			What: fmt.Sprintf("commit %s is not here", oneLine(tip)), Fix: "ask for the tip again"}
	}
	return l.store.snapshot(h)
}

// Commit pushes changes, in order, each as one commit, on top of parent ("":
// as the first of the branch). It gives the new tip.
//
// It does nothing, and gives parent, when the tree already is as they leave it;
// of several changes, those up to the last that ends where the tree already is
// make no commit. It fails with ErrRemoteMoved, having pushed nothing, when
// parent is no longer the tip of the branch. With ErrRefused the server said
// no. When the answer of a push is lost it asks where the branch is: with our
// commit, that is success; with another, ErrRemoteMoved, and rebuilding on it
// finds what is there already.
func (l *Ledger) Commit(ctx context.Context, parent string, changes ...Change) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if parent != "" && !plumbing.IsHash(parent) {
		return "", fmt.Errorf("%q is not a commit: give all 40 hexadecimal digits", oneLine(parent))
	}
	old := plumbing.NewHash(parent) // zero for ""
	tip, pack, err := l.build(ctx, old, changes)
	if err != nil || tip == old {
		return parent, err
	}
	if may := l.remote.opts.MayPush; may != nil {
		if err := may(); err != nil {
			return parent, err
		}
	}
	if err := l.remote.push(ctx, old, tip, pack); err != nil {
		return parent, err
	}
	// Kept so that it need not be fetched. Should that fail, the push still
	// stands, and the next Tip fetches it.
	if l.store.receive(bytes.NewReader(pack)) == nil && l.store.noteTip(tip) == nil {
		l.tip = tip
	}
	return name(tip), nil
}

// build makes the commits, with the parent fetched when it is not here or
// cannot be read.
func (l *Ledger) build(ctx context.Context, parent plumbing.Hash, changes []Change) (plumbing.Hash, []byte, error) {
	if parent.IsZero() || l.store.has(parent) {
		tip, pack, err := build(l.store, parent, changes)
		if !errors.Is(err, errDamaged) {
			return tip, pack, err
		}
	}
	now, err := l.refresh(ctx)
	if err != nil {
		return parent, nil, err
	}
	if now != parent {
		return parent, nil, ErrRemoteMoved
	}
	return build(l.store, parent, changes)
}

const (
	publishTries = 20
	// A push that meets another one in the very act is refused while the branch
	// has not moved yet, just as by a hook. So a refusal is believed only when it
	// is repeated on the same parent.
	refusalTries = 3
	firstWait    = 25 * time.Millisecond
	longestWait  = time.Second
)

// Publish commits changes on whatever the tip is. When it loses a race it
// builds them anew on the new tip, after a random pause, 20 times at most.
func (l *Ledger) Publish(ctx context.Context, changes ...Change) (string, error) {
	refusals, refusedOn := 0, ""
	for try := range publishTries {
		if err := pause(ctx, try); err != nil {
			return "", &Error{Of: "ledger", URL: l.remote.url, What: err.Error(), Err: err}
		}
		parent, err := l.Tip(ctx)
		if err != nil {
			return "", err
		}
		tip, err := l.Commit(ctx, parent, changes...)
		switch {
		case errors.Is(err, ErrRemoteMoved):
			continue
		case errors.Is(err, ErrRefused):
			if parent != refusedOn {
				refusals, refusedOn = 0, parent
			}
			if refusals++; refusals < refusalTries {
				continue
			}
		}
		if err != nil {
			return "", err
		}
		return tip, nil
	}
	return "", &Error{Of: "ledger", URL: l.remote.url, Err: ErrRemoteMoved,
		What: fmt.Sprintf("lost the race for branch %s %d times", l.remote.opts.Branch, publishTries),
		Fix:  "see who pushes to it that often"}
}

// pause waits a random time that doubles at most with each try, so that those
// who met do not meet again.
func pause(ctx context.Context, try int) error {
	if try == 0 {
		return ctx.Err()
	}
	most := min(longestWait, firstWait<<min(try, 10))
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
