package gitsync

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// A Mirror follows one branch. It is safe for concurrent use.
type Mirror struct {
	remote *remote
	store  *store

	polling sync.Mutex    // one poll at a time; reading goes on meanwhile
	tip     plumbing.Hash // as last seen, also before a restart; zero when never
	polled  bool
}

// Open prepares to follow a branch. It asks nobody yet.
func Open(o Options) (*Mirror, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := openStore(storeDir("mirror", o))
	if err != nil {
		return nil, err
	}
	return &Mirror{remote: newRemote("mirror", o), store: s, tip: s.lastTip()}, nil
}

// Close lets go of idle connections. Snapshots can still be read.
func (m *Mirror) Close() error {
	m.remote.close()
	return nil
}

// Poll asks where the branch is, in one request, and downloads only when it
// moved. moved is also true the first time after Open. After an error, earlier
// snapshots stay readable.
//
// The error is an [*Error]; with ErrNoBranch the server answered, and the
// branch is not there.
func (m *Mirror) Poll(ctx context.Context) (snapshot *Snapshot, moved bool, err error) {
	m.polling.Lock()
	defer m.polling.Unlock()
	x, err := m.remote.begin(ctx)
	if err != nil {
		return nil, false, err
	}
	defer x.end()
	tip, err := x.tip()
	if err != nil {
		return nil, false, err
	}
	if tip.IsZero() {
		return nil, false, &Error{Of: "mirror", URL: m.remote.url, Err: ErrNoBranch,
			What: fmt.Sprintf("there is no branch %s", m.remote.opts.Branch),
			Fix:  "push it, or follow another branch"}
	}

	// What is damaged is only replaced once more than it: should that not help,
	// the fault is not in the cache.
	snapshot, err = m.bring(x, tip)
	if err != nil {
		if x.onTheWire(err) || errors.Is(err, errTooLarge) {
			return nil, false, x.explain(err)
		}
		err = m.store.replace(func(fresh *store) error { return x.fill(fresh, tip, false) })
		if err == nil {
			snapshot, err = m.look(tip)
		}
		if err != nil {
			return nil, false, x.explain(err)
		}
	}
	if err := m.store.noteTip(tip); err != nil {
		return nil, false, x.explain(err)
	}
	moved = !m.polled || tip != m.tip
	m.tip, m.polled = tip, true
	return snapshot, moved, nil
}

// bring gets what is missing for tip, if anything.
func (m *Mirror) bring(x *exchange, tip plumbing.Hash) (*Snapshot, error) {
	if m.store.isDamaged() {
		return nil, errDamaged
	}
	// A pack counts only when it is whole, so a commit that is here came with
	// all it needs.
	if !m.store.has(tip) {
		if m.store.untidy() {
			return nil, errDamaged
		}
		var haves []plumbing.Hash
		if !m.tip.IsZero() {
			haves = m.store.recent(m.tip, 64)
			if len(haves) == 0 { // what was polled before is gone
				return nil, errDamaged
			}
		}
		if err := x.download(m.store, tip, haves, false); err != nil {
			return nil, err
		}
	}
	return m.look(tip)
}

// look reads what a snapshot needs to start with.
func (m *Mirror) look(tip plumbing.Hash) (*Snapshot, error) {
	snapshot, err := m.store.snapshot(tip)
	if err != nil {
		return nil, err
	}
	snapshot.Descends = true
	if !m.tip.IsZero() {
		snapshot.Descends, err = m.store.descends(tip, m.tip)
	}
	return snapshot, err
}

// fill fetches a whole new store. With shallow, tip without its history.
func (x *exchange) fill(fresh *store, tip plumbing.Hash, shallow bool) error {
	if err := x.download(fresh, tip, nil, shallow); err != nil {
		return err
	}
	return fresh.check(tip)
}

// At gives an older commit, or another one that was fetched with the branch.
// It asks nobody; a commit that is not here is an error. Its Descends is false.
func (m *Mirror) At(ctx context.Context, commit string) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !plumbing.IsHash(commit) {
		return nil, fmt.Errorf("%q is not a commit: give all 40 hexadecimal digits", oneLine(commit))
	}
	h := plumbing.NewHash(commit)
	if !m.store.has(h) {
		return nil, &Error{Of: "mirror", URL: m.remote.url,
			What: fmt.Sprintf("commit %s is not in branch %s as it was fetched", commit, m.remote.opts.Branch)}
	}
	return m.store.snapshot(h)
}
