// Package clone works on the clone of the repository a person stands in, with that
// person's own git: credential helpers, single sign-on, signing and hooks keep
// working, and every line that changes something is printed first (SPEC 8.4).
//
// The agent never imports it: the agent starts no git.
package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// A Clone is the working tree around a directory.
type Clone struct {
	Top  string // the root of the working tree
	Here string // where the person stands; printed git lines work from here

	Stdin  io.Reader // for git that asks for a passphrase
	Stdout io.Writer // the lines that are run
	Stderr io.Writer // what git says
}

// Open finds the clone around a directory.
func Open(ctx context.Context, dir string) (*Clone, error) {
	here, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if here, err = filepath.EvalSymlinks(here); err != nil {
		return nil, err
	}
	c := &Clone{Here: here, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	top, err := c.read(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("%s is not in a clone of a Git repository: %w", here, err)
	}
	if c.Top, err = filepath.EvalSymlinks(filepath.FromSlash(line(top))); err != nil {
		return nil, err
	}
	return c, nil
}

// Branch is the branch that is checked out.
func (c *Clone) Branch(ctx context.Context) (string, error) {
	out, err := c.read(ctx, "symbolic-ref", "--quiet", "--short", "HEAD")
	if err != nil {
		return "", errors.New("no branch is checked out here: git switch to the one the agent follows")
	}
	return line(out), nil
}

// Head is the commit that is checked out, shortened for people.
func (c *Clone) Head(ctx context.Context) (string, error) {
	out, err := c.read(ctx, "rev-parse", "--short=10", "HEAD")
	return line(out), err
}

// Dirty says whether a file differs from what is committed.
func (c *Clone) Dirty(ctx context.Context, file string) (bool, error) {
	out, err := c.read(ctx, "status", "--porcelain", "--", c.fromHere(file))
	return len(out) > 0, err
}

// fromHere names a file of the repository as the person would.
func (c *Clone) fromHere(file string) string {
	rel, err := filepath.Rel(c.Here, filepath.Join(c.Top, filepath.FromSlash(file)))
	if err != nil {
		return filepath.Join(c.Top, file)
	}
	return rel
}

// read runs git for what it prints.
func (c *Clone) read(ctx context.Context, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := c.git(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, said(args, err, stderr.String())
	}
	return stdout.Bytes(), nil
}

// run prints a git line as it could be typed, and runs it for what it does.
func (c *Clone) run(ctx context.Context, args ...string) error {
	fmt.Fprintln(c.Stdout, "$ "+Line(args))
	cmd := c.git(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stderr, c.Stderr
	if err := cmd.Run(); err != nil {
		return said(args, err, "")
	}
	return nil
}

func (c *Clone) git(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = c.Here
	return cmd
}

func said(args []string, err error, stderr string) error {
	if words := strings.TrimSpace(stderr); words != "" {
		return fmt.Errorf("git %s: %s", args[0], words)
	}
	return fmt.Errorf("git %s: %w", args[0], err)
}

var bare = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// Line is a git command as a shell takes it.
func Line(args []string) string {
	words := []string{"git"}
	for _, a := range args {
		if !bare.MatchString(a) {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

func line(out []byte) string { return strings.TrimRight(string(out), "\r\n") }
