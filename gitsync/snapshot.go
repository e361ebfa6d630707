package gitsync

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// A Snapshot is one commit. It is an fs.FS, with ReadFileFS, ReadDirFS and
// StatFS, read straight from the object store: nothing is checked out. It is
// safe for concurrent use and never changes.
//
// Paths are as in io/fs: relative, clean, with slashes, "." for the root; ""
// means the root too. Every error is a *fs.PathError, and wraps fs.ErrNotExist
// when there is no such path, or ErrSymlink, ErrSubmodule or ErrUnsafeName when
// there is one that is not read.
type Snapshot struct {
	Commit  string    // 40 hexadecimal digits
	Subject string    // first line of the message, printable
	Author  string    // name <email>, printable
	When    time.Time // when it was committed, in UTC

	// Descends tells whether the commit polled before is in this one's history.
	// False after a force-push to something else. True when none was polled
	// before, and the one polled before a restart counts while the cache lives.
	Descends bool

	store *store
	root  plumbing.Hash
}

var (
	_ fs.ReadFileFS = (*Snapshot)(nil)
	_ fs.ReadDirFS  = (*Snapshot)(nil)
	_ fs.StatFS     = (*Snapshot)(nil)
)

func (s *store) snapshot(h plumbing.Hash) (*Snapshot, error) {
	c, err := s.commit(h)
	if err != nil {
		return nil, err
	}
	if _, err := s.tree(c.TreeHash); err != nil {
		return nil, err
	}
	subject, _, _ := strings.Cut(strings.TrimLeft(c.Message, "\n"), "\n")
	return &Snapshot{
		Commit:  h.String(),
		Subject: oneLine(subject),
		Author:  oneLine(c.Author.Name + " <" + c.Author.Email + ">"),
		When:    c.Committer.When.UTC(),
		store:   s,
		root:    c.TreeHash,
	}, nil
}

// DescendsFrom tells whether commit is this one or in its history. False also
// when commit is not in the store.
func (s *Snapshot) DescendsFrom(commit string) (bool, error) {
	if !plumbing.IsHash(commit) {
		return false, fmt.Errorf("%q is not a commit: give all 40 hexadecimal digits", oneLine(commit))
	}
	return s.store.descends(plumbing.NewHash(s.Commit), plumbing.NewHash(commit))
}

// ReadFile reads a plain file of at most 1 MiB.
func (s *Snapshot) ReadFile(name string) ([]byte, error) {
	e, err := s.find("read", name)
	if err != nil {
		return nil, err
	}
	if e.Mode == filemode.Dir {
		return nil, pathError("read", name, errors.New("is a directory"))
	}
	b, err := s.store.load(e.Hash, plumbing.BlobObject, maxFile)
	if err != nil {
		return nil, pathError("read", name, err)
	}
	return b, nil
}

// ReadDir lists a directory by name. Symbolic links and submodules are listed,
// as what they are: fs.ModeSymlink, and fs.ModeIrregular.
func (s *Snapshot) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := s.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if e.Mode != filemode.Dir {
		return nil, pathError("readdir", name, errors.New("is not a directory"))
	}
	children, err := s.store.list(e.Hash)
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	list := make([]fs.DirEntry, 0, len(children))
	for _, c := range children {
		list = append(list, info{s, c})
	}
	return list, nil
}

// Tree identifies the content of a directory: 40 hexadecimal digits that change
// exactly when something under it does.
func (s *Snapshot) Tree(name string) (string, error) {
	e, err := s.find("read", name)
	if err != nil {
		return "", err
	}
	if e.Mode != filemode.Dir {
		return "", pathError("read", name, errors.New("is not a directory"))
	}
	return e.Hash.String(), nil
}

// Files yields the paths of all plain files under a directory, sorted within
// each directory. Symbolic links and submodules are left out. It ends with the
// first error: one is that there are more than 10,000 files.
func (s *Snapshot) Files(under string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		count := 0
		var walk func(dir string) bool
		walk = func(dir string) bool {
			list, err := s.ReadDir(dir)
			if err != nil {
				yield("", err)
				return false
			}
			for _, e := range list {
				name := path.Join(dir, e.Name())
				switch {
				case e.IsDir():
					if !walk(name) {
						return false
					}
				case e.Type().IsRegular():
					if count++; count > maxFiles {
						yield("", pathError("read", under, fmt.Errorf("has more than %d files under it", maxFiles)))
						return false
					}
					if !yield(name, nil) {
						return false
					}
				}
			}
			return true
		}
		walk(orRoot(under))
	}
}

// Stat describes a plain file or a directory.
func (s *Snapshot) Stat(name string) (fs.FileInfo, error) {
	e, err := s.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{s, e}, nil
}

// Open opens a plain file of at most 1 MiB, or a directory.
func (s *Snapshot) Open(name string) (fs.File, error) {
	e, err := s.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.Mode == filemode.Dir {
		list, err := s.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openDir{info{s, e}, list}, nil
	}
	content, err := s.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{bytes.NewReader(content), info{s, e}}, nil
}

// find walks down to name, which is a plain file or a directory.
func (s *Snapshot) find(op, name string) (object.TreeEntry, error) {
	clean := orRoot(name)
	if err := checkPath(clean); err != nil {
		return object.TreeEntry{}, pathError(op, name, err)
	}
	e := object.TreeEntry{Name: ".", Mode: filemode.Dir, Hash: s.root}
	if clean == "." {
		return e, nil
	}
	for part := range strings.SplitSeq(clean, "/") {
		if e.Mode != filemode.Dir {
			return e, pathError(op, name, fs.ErrNotExist)
		}
		children, err := s.store.tree(e.Hash)
		if err != nil {
			return e, pathError(op, name, err)
		}
		i := slices.IndexFunc(children, func(c object.TreeEntry) bool { return c.Name == part })
		if i < 0 {
			return e, pathError(op, name, fs.ErrNotExist)
		}
		switch e = children[i]; e.Mode {
		case filemode.Symlink:
			return e, pathError(op, name, ErrSymlink)
		case filemode.Submodule:
			return e, pathError(op, name, ErrSubmodule)
		}
	}
	return e, nil
}

// list gives a directory's entries by name, all of them safe and different.
func (s *store) list(dir plumbing.Hash) ([]object.TreeEntry, error) {
	children, err := s.tree(dir)
	if err != nil {
		return nil, err
	}
	// Git sorts directories as if they ended in a slash; io/fs does not.
	slices.SortFunc(children, func(a, b object.TreeEntry) int { return cmp.Compare(a.Name, b.Name) })
	for i, c := range children {
		if unsafeName(c.Name) {
			return nil, fmt.Errorf("%q %w", c.Name, ErrUnsafeName)
		}
		if i > 0 && children[i-1].Name == c.Name {
			return nil, fmt.Errorf("%q is there twice: make the commit again with git", c.Name)
		}
	}
	return children, nil
}

func orRoot(name string) string {
	if name == "" {
		return "."
	}
	return name
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: orRoot(name), Err: err}
}

// info describes an entry: both as fs.DirEntry and as fs.FileInfo.
type info struct {
	s *Snapshot
	e object.TreeEntry
}

func (i info) Name() string               { return i.e.Name }
func (i info) IsDir() bool                { return i.e.Mode == filemode.Dir }
func (i info) Type() fs.FileMode          { return i.Mode().Type() }
func (i info) Info() (fs.FileInfo, error) { return i, nil }
func (i info) ModTime() time.Time         { return i.s.When }
func (i info) Sys() any                   { return nil }

func (i info) Mode() fs.FileMode {
	switch i.e.Mode {
	case filemode.Dir:
		return fs.ModeDir | 0o555
	case filemode.Executable:
		return 0o555
	case filemode.Symlink:
		return fs.ModeSymlink | 0o444
	case filemode.Submodule:
		return fs.ModeIrregular | 0o444
	}
	return 0o444
}

// Size is 0 for what is not a plain file, and when the store is damaged.
func (i info) Size() int64 {
	if !i.Mode().IsRegular() {
		return 0
	}
	n, err := i.s.store.size(i.e.Hash)
	if err != nil {
		return 0
	}
	return n
}

type openFile struct {
	*bytes.Reader
	info info
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info info
	rest []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, pathError("read", d.info.Name(), errors.New("is a directory"))
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.rest)
	} else if len(d.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.rest))
	list := d.rest[:n]
	d.rest = d.rest[n:]
	return list, nil
}
