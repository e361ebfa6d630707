package clone

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kexal/kexal/gitsync"
)

// A Tree is the files of the repository, at a commit or as they lie on disk. It reads
// what the agent would read of the same commit, and refuses the rest in the same words:
// links, submodules, and files above 1 MiB.
type Tree struct {
	Commit  string // 40 hex digits; empty = as it lies on disk
	Subject string
	Author  string // name <email>

	entries map[string]entry
	below   map[string][]fs.DirEntry // by directory, sorted
	load    func(entry) ([]byte, error)
	close   func() error
}

var (
	_ fs.ReadFileFS = (*Tree)(nil)
	_ fs.ReadDirFS  = (*Tree)(nil)
	_ fs.StatFS     = (*Tree)(nil)
)

// An entry is a file or a directory, and describes itself.
type entry struct {
	path   string
	object string // of a commit
	mode   fs.FileMode
	size   int64
}

const maxFile = 1 << 20 // bytes; the agent's limit

func newTree() *Tree {
	return &Tree{
		entries: map[string]entry{".": {path: ".", mode: fs.ModeDir | 0o555}},
		below:   map[string][]fs.DirEntry{},
		close:   func() error { return nil },
	}
}

// add takes a file, and the directories that lead to it.
func (t *Tree) add(e entry) {
	for {
		if _, known := t.entries[e.path]; known {
			return
		}
		dir := path.Dir(e.path)
		t.entries[e.path] = e
		t.below[dir] = append(t.below[dir], e)
		e = entry{path: dir, mode: fs.ModeDir | 0o555}
	}
}

func (t *Tree) sort() *Tree {
	for _, list := range t.below {
		slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return t
}

// Close ends what reads the files. Nothing can be read after it.
func (t *Tree) Close() error { return t.close() }

func (t *Tree) find(op, name string) (entry, error) {
	if !fs.ValidPath(name) {
		return entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	e, there := t.entries[name]
	err := error(fs.ErrNotExist)
	switch {
	case !there:
	case e.mode&fs.ModeSymlink != 0:
		err = gitsync.ErrSymlink
	case e.mode&fs.ModeIrregular != 0:
		err = gitsync.ErrSubmodule
	default:
		return e, nil
	}
	// What a link leads to is not there: neither does the agent follow it.
	for dir := path.Dir(name); !there && dir != "."; dir = path.Dir(dir) {
		if l, is := t.entries[dir]; is && !l.IsDir() {
			if _, wrong := t.find(op, dir); wrong != nil {
				return e, &fs.PathError{Op: op, Path: name, Err: errors.Unwrap(wrong)}
			}
		}
	}
	return e, &fs.PathError{Op: op, Path: name, Err: err}
}

// ReadFile reads a plain file of at most 1 MiB.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	e, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	switch {
	case e.IsDir():
		err = errors.New("is a directory")
	case e.size > maxFile:
		err = fmt.Errorf("too large: %d bytes, and %d is the most", e.size, maxFile)
	default:
		var text []byte
		if text, err = t.load(e); err == nil {
			return text, nil
		}
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: err}
}

// ReadDir lists a directory by name; links and submodules are listed as what they are.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !e.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("is not a directory")}
	}
	return slices.Clone(t.below[name]), nil
}

// Stat describes a plain file or a directory.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	e, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Open opens a plain file of at most 1 MiB, or a directory.
func (t *Tree) Open(name string) (fs.File, error) {
	e, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.IsDir() {
		return &listed{opened: opened{entry: e, Reader: bytes.NewReader(nil)}, rest: slices.Clone(t.below[name])}, nil
	}
	text, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &opened{entry: e, Reader: bytes.NewReader(text)}, nil
}

type opened struct {
	entry
	io.Reader
}

func (o *opened) Stat() (fs.FileInfo, error) { return o.entry, nil }
func (o *opened) Close() error               { return nil }

// listed is an open directory.
type listed struct {
	opened
	rest []fs.DirEntry
}

func (l *listed) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(l.rest) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(l.rest) {
		n = len(l.rest)
	}
	next := l.rest[:n]
	l.rest = l.rest[n:]
	return next, nil
}

func (e entry) Name() string               { return path.Base(e.path) }
func (e entry) IsDir() bool                { return e.mode.IsDir() }
func (e entry) Type() fs.FileMode          { return e.mode.Type() }
func (e entry) Info() (fs.FileInfo, error) { return e, nil }
func (e entry) Mode() fs.FileMode          { return e.mode }
func (e entry) Size() int64                { return e.size }
func (e entry) ModTime() time.Time         { return time.Time{} }
func (e entry) Sys() any                   { return nil }
