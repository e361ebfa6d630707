package clone

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Ledger is the fetched copy of the status branch.
type Ledger struct {
	Ref    string // such as "origin/kexal/status"
	Commit string
	At     time.Time // when that commit was made
	Files  []string

	clone *Clone
}

// Fetch brings the ledger up to date. It names both sides, because a clone of a
// single branch would otherwise fetch it and file it nowhere.
func (c *Clone) Fetch(ctx context.Context, remote, branch string) error {
	args := []string{"fetch", "--quiet", remote, "+refs/heads/" + branch + ":refs/remotes/" + remote + "/" + branch}
	var stderr strings.Builder
	cmd := c.git(ctx, args...)
	cmd.Stdin, cmd.Stderr = c.Stdin, &stderr
	if err := cmd.Run(); err != nil {
		return said(args, err, stderr.String())
	}
	return nil
}

// Ledger is the status branch as it was fetched last.
func (c *Clone) Ledger(ctx context.Context, remote, branch string) (*Ledger, error) {
	l := &Ledger{Ref: remote + "/" + branch, clone: c}
	out, err := c.read(ctx, "log", "-1", "--format=%H %ct", "refs/remotes/"+l.Ref, "--")
	if err != nil {
		return nil, fmt.Errorf("this clone has no ledger %s: git fetch %s %s brings it, once the agent has written it", l.Ref, remote, branch)
	}
	commit, at, _ := strings.Cut(line(out), " ")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", l.Ref, err)
	}
	l.Commit, l.At = commit, time.Unix(seconds, 0).UTC()
	// --full-tree: the whole branch, wherever in the working tree the person stands.
	if out, err = c.read(ctx, "ls-tree", "-r", "-z", "--full-tree", "--name-only", commit); err != nil {
		return nil, err
	}
	l.Files = strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	return l, nil
}

// Read is a file of the ledger.
func (l *Ledger) Read(ctx context.Context, file string) ([]byte, error) {
	return l.clone.read(ctx, "show", l.Commit+":"+file)
}
