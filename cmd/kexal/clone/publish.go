package clone

import (
	"context"
	"fmt"
	"os"
)

// An Edit is a new text for one file, and what its commit says.
type Edit struct {
	File    string // in the repository
	Text    []byte
	Message string
}

// Lines are the git commands that Publish runs.
func (c *Clone) Lines(e Edit, push bool) [][]string {
	file := c.fromHere(e.File)
	// The commit names the file, so that what else is staged stays where it is.
	lines := [][]string{{"add", "--", file}, {"commit", "-m", e.Message, "--", file}}
	if push {
		lines = append(lines, []string{"push"})
	}
	return lines
}

// A PushError is a push that was refused. The commit is there, and stays.
type PushError struct {
	Commit, Branch string
	Err            error
}

func (e *PushError) Error() string {
	return fmt.Sprintf("%v; commit %s is kept on %s. If somebody pushed before you:\n  git pull --rebase\n  git push", e.Err, e.Commit, e.Branch)
}

func (e *PushError) Unwrap() error { return e.Err }

// Publish writes the file, commits it alone, and pushes.
func (c *Clone) Publish(ctx context.Context, e Edit, push bool) error {
	if err := os.WriteFile(c.path(e.File), e.Text, 0o644); err != nil {
		return err
	}
	for _, args := range c.Lines(e, push) {
		err := c.run(ctx, args...)
		switch {
		case err == nil:
			continue
		case args[0] != "push":
			return fmt.Errorf("%w; nothing is committed, the edit stays in %s (%s takes it back)", err, e.File, Line([]string{"checkout", "HEAD", "--", c.fromHere(e.File)}))
		}
		failed := &PushError{Err: err}
		// These two are for the sentence alone: without them it is still right.
		failed.Commit, _ = c.Head(ctx)
		failed.Branch, _ = c.Branch(ctx)
		return failed
	}
	return nil
}
