package clone

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// At is the tree of a revision, whatever git takes for one. Close it.
func (c *Clone) At(ctx context.Context, revision string) (*Tree, error) {
	out, err := c.read(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return nil, fmt.Errorf("this clone has no commit %s: git fetch may bring it", revision)
	}
	t := newTree()
	t.Commit = line(out)
	if out, err = c.read(ctx, "log", "-1", "--no-show-signature", "--format=%s%n%an <%ae>", t.Commit, "--"); err != nil {
		return nil, err
	}
	t.Subject, t.Author, _ = strings.Cut(line(out), "\n")
	if out, err = c.read(ctx, "ls-tree", "-r", "-z", "-l", "--full-tree", t.Commit); err != nil {
		return nil, err
	}
	for _, record := range strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }) {
		e, err := parseEntry(record)
		if err != nil {
			return nil, err
		}
		t.add(e)
	}
	blobs := &blobs{clone: c, ctx: ctx}
	t.load, t.close = blobs.load, blobs.stop
	return t.sort(), nil
}

// parseEntry reads a record of git ls-tree -l: MODE TYPE OBJECT SIZE, a tab, the path.
func parseEntry(record string) (entry, error) {
	head, file, tab := strings.Cut(record, "\t")
	fields := strings.Fields(head)
	if !tab || len(fields) != 4 {
		return entry{}, fmt.Errorf("git ls-tree: %q is no entry", record)
	}
	e := entry{path: file, object: fields[2], mode: 0o444}
	switch fields[0] {
	case "120000":
		e.mode |= fs.ModeSymlink
	case "160000":
		e.mode |= fs.ModeIrregular
		return e, nil // a submodule has no size here
	}
	size, err := strconv.ParseInt(fields[3], 10, 64)
	if err != nil {
		return e, fmt.Errorf("git ls-tree: %q is no entry", record)
	}
	e.size = size
	return e, nil
}

// blobs are read by one git that answers as long as it is asked.
type blobs struct {
	clone *Clone
	ctx   context.Context // of the command that reads

	mu  sync.Mutex
	git *exec.Cmd
	ask io.WriteCloser
	out *bufio.Reader
}

func (b *blobs) load(e entry) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.git == nil {
		if err := b.start(); err != nil {
			return nil, err
		}
	}
	if _, err := fmt.Fprintln(b.ask, e.object); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	head, err := b.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	if fields := strings.Fields(head); len(fields) != 3 || fields[1] != "blob" {
		return nil, fmt.Errorf("git cat-file: %s", strings.TrimSpace(head))
	}
	text := make([]byte, e.size+1) // a line break follows
	if _, err := io.ReadFull(b.out, text); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return text[:e.size], nil
}

func (b *blobs) start() (err error) {
	git := b.clone.git(b.ctx, "cat-file", "--batch")
	if b.ask, err = git.StdinPipe(); err != nil {
		return err
	}
	out, err := git.StdoutPipe()
	if err != nil {
		return err
	}
	b.git, b.out = git, bufio.NewReader(out)
	return git.Start()
}

func (b *blobs) stop() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.git == nil {
		return nil
	}
	return errors.Join(b.ask.Close(), b.git.Wait())
}

// Worktree is the tree as it lies on disk: uncommitted edits are in it, and new files
// that are not ignored; ignored ones are not, because no commit will have them.
func (c *Clone) Worktree(ctx context.Context) (*Tree, error) {
	out, err := c.read(ctx, "ls-files", "-z", "--full-name", "--cached", "--others", "--exclude-standard", "--", ":/")
	if err != nil {
		return nil, err
	}
	t := newTree()
	t.load = func(e entry) ([]byte, error) { return os.ReadFile(c.path(e.path)) }
	for _, file := range strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }) {
		file = strings.TrimSuffix(file, "/") // a repository in the repository
		info, err := os.Lstat(c.path(file))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // deleted, and not yet committed
		case err != nil:
			return nil, err
		case info.IsDir():
			t.add(entry{path: file, mode: fs.ModeIrregular | 0o444}) // a submodule
		default:
			t.add(entry{path: file, mode: info.Mode().Type() | 0o444, size: info.Size()})
		}
	}
	return t.sort(), nil
}
