package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/kexal/kexal/gitsync"
	statusfile "github.com/kexal/kexal/gitsync/ledger"
	"github.com/kexal/kexal/reconciler"
	"github.com/kexal/kexal/strategies"
)

// mirrorSource is the reconciler's Source.
type mirrorSource struct{ mirror *gitsync.Mirror }

func (s *mirrorSource) Poll(ctx context.Context) (reconciler.Commit, bool, error) {
	snapshot, moved, err := s.mirror.Poll(ctx)
	if err != nil {
		return reconciler.Commit{}, false, err
	}
	return reconciler.Commit{Hash: snapshot.Commit, Subject: snapshot.Subject, Author: snapshot.Author, Tree: snapshot}, moved, nil
}

// branchLedger is the reconciler's Ledger.
type branchLedger struct {
	branch    *gitsync.Ledger
	namespace string
}

func (l *branchLedger) Publish(ctx context.Context, statuses []strategies.Status) error {
	var changes []gitsync.Change
	for _, s := range statuses {
		text, err := statusfile.Encode(s)
		if err != nil {
			return err
		}
		changes = append(changes, gitsync.Change{
			Files:   map[string][]byte{statusfile.Path(l.namespace, s.Metadata.Name): text},
			Message: statusfile.Message(s),
			Author:  "kexal", Email: "kexal@" + l.namespace,
			When: s.Since.Truncate(time.Second),
		})
	}
	_, err := l.branch.Publish(ctx, changes...)
	return err
}

func (l *branchLedger) Read(ctx context.Context, rollout string) (s strategies.Status, found bool, err error) {
	tip, err := l.branch.Tip(ctx)
	if err != nil || tip == "" {
		return s, false, err
	}
	text, err := l.branch.Read(ctx, tip, statusfile.Path(l.namespace, rollout))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	s, err = statusfile.Decode(text)
	return s, err == nil, err
}
