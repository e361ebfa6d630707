package gitsync

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// A store is a directory of Git packs and a note of the last tip. It only
// grows, and is replaced as a whole when it is damaged or has grown untidy:
// go-git cannot repack.
type store struct {
	dir string

	mu      sync.Mutex // go-git's storage fills its index as it reads
	objects *filesystem.ObjectStorage
	cache   *cache.ObjectLRU
	damaged bool // something that must be there could not be read
}

const (
	maxPacks  = 256      // each fetch adds one, and every look-up asks each
	maxTree   = 8 << 20  // bytes of one directory
	maxCommit = 1 << 20  // bytes of one commit, its message included
	maxFile   = 1 << 20  // bytes of one file
	maxFiles  = 10_000   // files under one directory
	cacheSize = 16 << 20 // bytes of decoded objects
)

var (
	errDamaged  = errors.New("the cache of Git objects is damaged, and is fetched anew at the next poll")
	errTooLarge = errors.New("too large")
)

// storeDir is one directory for each use, repository and branch, so that none
// is ever mistaken for another.
func storeDir(of string, o Options) string {
	sum := sha256.Sum256([]byte(o.URL + "\n" + o.Branch))
	return filepath.Join(o.CacheDir, of+"-"+hex.EncodeToString(sum[:8]))
}

func openStore(dir string) (*store, error) {
	s := &store{dir: dir, cache: cache.NewObjectLRU(cacheSize)}
	if err := os.MkdirAll(s.packDir(), 0o700); err != nil {
		return nil, fmt.Errorf("make the cache of Git objects: %w", err)
	}
	// What a crash left half written.
	leftover, _ := filepath.Glob(filepath.Join(s.packDir(), "tmp_*"))
	for _, path := range leftover {
		_ = os.Remove(path)
	}
	s.reopen()
	return s, nil
}

func (s *store) packDir() string { return filepath.Join(s.dir, "objects", "pack") }
func (s *store) tipFile() string { return filepath.Join(s.dir, "tip") }

// reopen makes new packs visible. The caller holds mu, or is alone.
func (s *store) reopen() {
	dir := dotgit.New(osfs.New(s.dir, osfs.WithBoundOS()))
	s.objects = filesystem.NewObjectStorageWithOptions(dir, s.cache, filesystem.Options{})
}

func (s *store) has(h plumbing.Hash) (found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if recover() != nil {
			found, s.damaged = false, true
		}
	}()
	err := s.objects.HasEncodedObject(h)
	if err != nil && !errors.Is(err, plumbing.ErrObjectNotFound) {
		s.damaged = true
	}
	return err == nil
}

// load reads an object that must be there, and checks that it is the one its
// name promises, which go-git does not. An object of more than most bytes is
// errTooLarge; whatever else goes wrong is errDamaged, and remembered.
func (s *store) load(h plumbing.Hash, t plumbing.ObjectType, most int64) (content []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if p := recover(); p != nil { // go-git panics on some broken packs
			err = fmt.Errorf("%v", p)
		}
		if err != nil && !errors.Is(err, errTooLarge) {
			s.damaged = true
			err = fmt.Errorf("%s %s: %s: %w", t, h, oneLine(err.Error()), errDamaged)
		}
	}()
	size, err := s.objects.EncodedObjectSize(h)
	if err != nil {
		return nil, err
	}
	if size > most {
		return nil, fmt.Errorf("%w: %d bytes, and %d is the most", errTooLarge, size, most)
	}
	o, err := s.objects.EncodedObject(t, h)
	if err != nil {
		return nil, err
	}
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err = io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if plumbing.ComputeHash(t, content) != h {
		return nil, errors.New("its content has changed")
	}
	return content, nil
}

// size is that of a file, without reading it.
func (s *store) size(h plumbing.Hash) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.objects.EncodedObjectSize(h)
	if err != nil {
		s.damaged = true
		return 0, errDamaged
	}
	return n, nil
}

func (s *store) commit(h plumbing.Hash) (*object.Commit, error) {
	b, err := s.load(h, plumbing.CommitObject, maxCommit)
	if err != nil {
		return nil, err
	}
	return object.DecodeCommit(nil, inMemory(plumbing.CommitObject, b))
}

func (s *store) tree(h plumbing.Hash) ([]object.TreeEntry, error) {
	if h == emptyTree { // Git knows it without storing it
		return nil, nil
	}
	b, err := s.load(h, plumbing.TreeObject, maxTree)
	if err != nil {
		return nil, err
	}
	t, err := object.DecodeTree(nil, inMemory(plumbing.TreeObject, b))
	if err != nil {
		return nil, err
	}
	return t.Entries, nil
}

// check that a commit is here with the root of its tree.
func (s *store) check(h plumbing.Hash) error {
	c, err := s.commit(h)
	if err != nil {
		return err
	}
	_, err = s.tree(c.TreeHash)
	return err
}

func inMemory(t plumbing.ObjectType, content []byte) *plumbing.MemoryObject {
	o := &plumbing.MemoryObject{}
	o.SetType(t)
	_, _ = o.Write(content)
	return o
}

// untidy tells that the store should be replaced when there is next something
// to fetch.
func (s *store) untidy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	packs, _ := filepath.Glob(filepath.Join(s.packDir(), "*.pack"))
	return s.damaged || len(packs) > maxPacks
}

func (s *store) isDamaged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.damaged
}

// replace fills an empty store beside this one and takes its place. Until that
// succeeds the old one stays, for whoever still reads from it while the server
// is away.
func (s *store) replace(fill func(*store) error) error {
	fresh := s.dir + ".next"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("replace the cache of Git objects: %w", err)
	}
	next, err := openStore(fresh)
	if err != nil {
		return err
	}
	if err := fill(next); err != nil {
		_ = os.RemoveAll(fresh)
		return err
	}
	// The tip goes along: after a crash right here, a force-push is still seen.
	if last := s.lastTip(); !last.IsZero() {
		if err := next.noteTip(last); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("replace the cache of Git objects: %w", err)
	}
	if err := os.Rename(fresh, s.dir); err != nil {
		return fmt.Errorf("replace the cache of Git objects: %w", err)
	}
	s.cache.Clear()
	s.damaged = false
	s.reopen()
	return nil
}

// lastTip is the tip noted before a restart; zero when there is none.
func (s *store) lastTip() plumbing.Hash {
	b, _ := os.ReadFile(s.tipFile())
	text := strings.TrimSpace(string(b))
	if !plumbing.IsHash(text) {
		return plumbing.ZeroHash
	}
	return plumbing.NewHash(text)
}

func (s *store) noteTip(h plumbing.Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tmp := s.tipFile() + ".tmp"
	if err := os.WriteFile(tmp, []byte(h.String()+"\n"), 0o600); err != nil {
		return fmt.Errorf("note the tip: %w", err)
	}
	if err := os.Rename(tmp, s.tipFile()); err != nil {
		return fmt.Errorf("note the tip: %w", err)
	}
	return nil
}
