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
		return reconciler.Commit{}, false, trouble(err)
	}
	return reconciler.Commit{Hash: snapshot.Commit, Subject: snapshot.Subject, Author: snapshot.Author, Tree: snapshot}, moved, nil
}

// branchLedger is the reconciler's Ledger.
type branchLedger struct {
	branch    *gitsync.Ledger
	namespace string
}

func (l *branchLedger) Publish(ctx context.Context, statuses []strategies.Status, agent *reconciler.Told) error {
	var changes []gitsync.Change
	for _, s := range statuses {
		text, err := statusfile.Encode(s)
		if err != nil {
			return err
		}
		changes = append(changes, l.change(statusfile.Path(l.namespace, s.Metadata.Name), text, statusfile.Message(s), s.Since))
	}
	if agent != nil && agent.Correction {
		wrong, err := l.tellsTrouble(ctx)
		if err != nil {
			return trouble(err)
		}
		if !wrong {
			agent = nil
		}
	}
	if agent != nil {
		text, err := statusfile.EncodeAgent(agent.Status)
		if err != nil {
			return err
		}
		changes = append(changes, l.change(statusfile.AgentPath(l.namespace), text, statusfile.AgentMessage(agent.Status), agent.At))
	}
	if len(changes) == 0 {
		return nil
	}
	_, err := l.branch.Publish(ctx, changes...)
	return trouble(err)
}

// tellsTrouble reports whether agent.yaml, if there is one, says that something is wrong.
func (l *branchLedger) tellsTrouble(ctx context.Context) (bool, error) {
	tip, err := l.branch.Tip(ctx)
	if err != nil {
		return false, err
	}
	text, err := l.branch.Read(ctx, tip, statusfile.AgentPath(l.namespace))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s, err := statusfile.DecodeAgent(text)
	return err != nil || s.Phase != strategies.Healthy, nil // one that cannot be read tells nobody
}

func (l *branchLedger) change(file string, text []byte, message string, when time.Time) gitsync.Change {
	return gitsync.Change{
		Files:   map[string][]byte{file: text},
		Message: message,
		Author:  "kexal", Email: "kexal@" + l.namespace,
		When: when.Truncate(time.Second),
	}
}

// trouble puts an error of gitsync into the words of status; nil stays nil.
func trouble(err error) error {
	var said *gitsync.Error
	if !errors.As(err, &said) {
		return err
	}
	reason := strategies.Unusable
	for _, k := range []struct {
		kind   error
		reason strategies.Reason
	}{
		{gitsync.ErrUnreachable, strategies.Unreachable}, {gitsync.ErrUntrusted, strategies.Untrusted},
		{gitsync.ErrDenied, strategies.Denied}, {gitsync.ErrNoBranch, strategies.NoBranch}, {gitsync.ErrRefused, strategies.PushRefused},
	} {
		if errors.Is(err, k.kind) {
			reason = k.reason
		}
	}
	return &strategies.Trouble{Reason: reason, Problem: strategies.Problem{Message: said.Of + " " + said.URL + ": " + said.What, Fix: said.Fix}}
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
