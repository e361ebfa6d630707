// Package branches joins the reconciler to the two branches of its repository: the one
// that is followed becomes its Source, and its statuses become files and commits of the
// other. Nothing is fetched or pushed here: that is for the [Mirror] and the [Branch].
package branches

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

// A Mirror follows a branch, as a [gitsync.Mirror] does; its errors are gitsync's.
type Mirror interface {
	Poll(ctx context.Context) (c reconciler.Commit, moved bool, err error)
}

// Snapshots are the commits of a gitsync.Mirror.
type Snapshots struct{ *gitsync.Mirror }

// Poll is the mirror's.
func (s Snapshots) Poll(ctx context.Context) (reconciler.Commit, bool, error) {
	snapshot, moved, err := s.Mirror.Poll(ctx)
	if err != nil {
		return reconciler.Commit{}, false, err
	}
	return reconciler.Commit{Hash: snapshot.Commit, Subject: snapshot.Subject, Author: snapshot.Author, Tree: snapshot}, moved, nil
}

// A Source is the reconciler's.
type Source struct{ Mirror Mirror }

// Poll tells what went wrong in the words of status.
func (s *Source) Poll(ctx context.Context) (reconciler.Commit, bool, error) {
	c, moved, err := s.Mirror.Poll(ctx)
	return c, moved, trouble(err)
}

// A Branch takes commits, as a [gitsync.Ledger] does; its errors are gitsync's.
type Branch interface {
	// Tip is where the branch is; "" = there is none.
	Tip(ctx context.Context) (string, error)
	// Read reads a file as of a tip that Tip or Publish gave.
	Read(ctx context.Context, tip, path string) ([]byte, error)
	// Publish commits changes on whatever the tip is, and gives the new one.
	Publish(ctx context.Context, changes ...gitsync.Change) (string, error)
}

// A Ledger is the reconciler's.
type Ledger struct {
	Branch    Branch
	Namespace string
}

// Publish makes the commits.
func (l *Ledger) Publish(ctx context.Context, statuses []strategies.Status, agent *reconciler.Told) error {
	var changes []gitsync.Change
	for _, s := range statuses {
		text, err := statusfile.Encode(s)
		if err != nil {
			return err
		}
		changes = append(changes, l.change(statusfile.Path(l.Namespace, s.Metadata.Name), text, statusfile.Message(s), s.Since))
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
		changes = append(changes, l.change(statusfile.AgentPath(l.Namespace), text, statusfile.AgentMessage(agent.Status), agent.At))
	}
	if len(changes) == 0 {
		return nil
	}
	_, err := l.Branch.Publish(ctx, changes...)
	return trouble(err)
}

// tellsTrouble reports whether agent.yaml, if there is one, says that something is wrong.
func (l *Ledger) tellsTrouble(ctx context.Context) (bool, error) {
	tip, err := l.Branch.Tip(ctx)
	if err != nil {
		return false, err
	}
	text, err := l.Branch.Read(ctx, tip, statusfile.AgentPath(l.Namespace))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s, err := statusfile.DecodeAgent(text)
	return err != nil || s.Phase != strategies.Healthy, nil // one that cannot be read tells nobody
}

func (l *Ledger) change(file string, text []byte, message string, when time.Time) gitsync.Change {
	return gitsync.Change{
		Files:   map[string][]byte{file: text},
		Message: message,
		Author:  "kexal", Email: "kexal@" + l.Namespace,
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

// Read reads what stands in the branch now.
func (l *Ledger) Read(ctx context.Context, rollout string) (s strategies.Status, found bool, err error) {
	tip, err := l.Branch.Tip(ctx)
	if err != nil || tip == "" {
		return s, false, err
	}
	text, err := l.Branch.Read(ctx, tip, statusfile.Path(l.Namespace, rollout))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	s, err = statusfile.Decode(text)
	return s, err == nil, err
}
