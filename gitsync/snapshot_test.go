package gitsync

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// A snapshot is an fs.FS by the standard library's own suite.
func TestSnapshotIsAFileSystem(t *testing.T) {
	r := newRepo(t)
	r.write("apps/web/a.yaml", "a")
	r.write("apps/web/b.yaml", "")
	r.write("apps/web.yaml", "sorts before the directory in Git, after it in io/fs")
	r.write("README.md", "hello")
	r.push("all")
	s, _ := poll(t, r.mirror())
	if err := fstest.TestFS(s, "apps/web/a.yaml", "apps/web/b.yaml", "apps/web.yaml", "README.md"); err != nil {
		t.Error(err)
	}
	var files []string
	for path, err := range s.Files("apps") {
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	if want := []string{"apps/web/a.yaml", "apps/web/b.yaml", "apps/web.yaml"}; !slices.Equal(files, want) {
		t.Errorf("files: %q, want %q", files, want)
	}
}

// Paths that are not there, not read, or not paths: each says which it is.
func TestWhatIsNotRead(t *testing.T) {
	r := newRepo(t)
	r.write("dir/file", "content")
	r.write("big", strings.Repeat("x", maxFile+1))
	r.write("largest", strings.Repeat("x", maxFile))
	for link, target := range map[string]string{"link": "dir/file", "linked": "dir", "away": "/etc/passwd"} {
		if err := os.Symlink(target, filepath.Join(r.work, link)); err != nil {
			t.Fatal(err)
		}
	}
	r.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",module")
	r.git("add", "dir", "big", "largest", "link", "linked", "away")
	r.git("commit", "--quiet", "-m", "all")
	r.git("push", "--quiet", "origin", "HEAD:main")
	s, _ := poll(t, r.mirror())
	for path, want := range map[string]error{
		"none":            fs.ErrNotExist,
		"dir/none":        fs.ErrNotExist,
		"dir/file/below":  fs.ErrNotExist,
		"link":            ErrSymlink,
		"away":            ErrSymlink,
		"linked/file":     ErrSymlink,
		"module":          ErrSubmodule,
		"module/file":     ErrSubmodule,
		"../outside":      fs.ErrInvalid,
		"/etc/passwd":     fs.ErrInvalid,
		"dir/":            fs.ErrInvalid,
		"dir/../dir/file": fs.ErrInvalid,
		".git/config":     ErrUnsafeName,
		"dir/.GIT/config": ErrUnsafeName,
		"big":             errTooLarge,
	} {
		_, err := s.ReadFile(path)
		var pathErr *fs.PathError
		if !errors.Is(err, want) || !errors.As(err, &pathErr) || pathErr.Path != path {
			t.Errorf("read %s: %v, want %v", path, err, want)
		}
	}
	if got := read(t, s, "largest"); len(got) != maxFile {
		t.Errorf("the largest file has %d bytes", len(got))
	}
	if _, err := s.ReadFile("dir"); err == nil {
		t.Error("a directory was read as a file")
	}
	if _, err := s.ReadDir("big"); err == nil {
		t.Error("a file was listed as a directory")
	}
	modes := map[string]fs.FileMode{}
	list, err := s.ReadDir("")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		modes[e.Name()] = e.Type()
	}
	if modes["link"] != fs.ModeSymlink || modes["module"] != fs.ModeIrregular || modes["dir"] != fs.ModeDir || modes["big"] != 0 {
		t.Errorf("modes: %v", modes)
	}
	for path, err := range s.Files("") {
		if err != nil || path == "link" || path == "module" {
			t.Errorf("files has %s %v", path, err)
		}
	}
	if err := m(s).isDamaged(); err {
		t.Error("a path that is not read was taken for damage")
	}
}

func m(s *Snapshot) *store { return s.store }

// A directory's identity changes exactly when something under it does.
func TestTreeIdentity(t *testing.T) {
	r := newRepo(t)
	r.write("apps/web/a", "1")
	r.write("apps/api/a", "1")
	r.push("both")
	mirror := r.mirror()
	before, _ := poll(t, mirror)
	r.commit("apps/web/a", "2")
	after, _ := poll(t, mirror)
	for path, same := range map[string]bool{"apps/api": true, "apps/web": false, "apps": false, "": false} {
		a, errA := before.Tree(path)
		b, errB := after.Tree(path)
		if errA != nil || errB != nil || (a == b) != same {
			t.Errorf("%q: %s %v, %s %v, want same=%v", path, a, errA, b, errB, same)
		}
	}
	if root, _ := after.Tree("."); root != r.git("rev-parse", "HEAD^{tree}") {
		t.Errorf("root is %s", root)
	}
	if _, err := after.Tree("apps/web/a"); err == nil {
		t.Error("a file has a tree")
	}
}

// Trees that git would never make: names that lead out are refused, listed or
// looked up, and nothing is written for them.
func TestPoisonedTrees(t *testing.T) {
	for _, name := range []string{".git", ".GIT", ".g\u200cit", ".git ", ".git.", ".git::$INDEX", "git~1", "GIT~1", "..", ".", "a/../b"} {
		s, err := openStore(filepath.Join(t.TempDir(), "store"))
		if err != nil {
			t.Fatal(err)
		}
		b := newBuilder(s)
		blob, err := b.putBlob([]byte("content"), plumbing.ZeroHash)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := b.put(&object.Tree{Entries: []object.TreeEntry{{Name: name, Mode: filemode.Regular, Hash: blob}}})
		if err != nil {
			t.Fatal(err)
		}
		tip, err := b.commit(plumbing.ZeroHash, tree, Change{Message: "poison", When: at(0)})
		if err != nil {
			t.Fatal(err)
		}
		pack, err := b.pack()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.receive(strings.NewReader(string(pack))); err != nil {
			t.Fatal(err)
		}
		snapshot, err := s.snapshot(tip)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := snapshot.ReadDir("."); !errors.Is(err, ErrUnsafeName) {
			t.Errorf("%q listed: %v", name, err)
		}
		if _, err := snapshot.ReadFile(name); err == nil {
			t.Errorf("%q was read", name)
		}
		for path, err := range snapshot.Files("") {
			if err == nil {
				t.Errorf("%q walked to %q", name, path)
			}
		}
	}
	for _, name := range []string{".gitignore", ".github", "git", "a.git", "gitgit~1"} {
		if unsafeName(name) {
			t.Errorf("%q is refused", name)
		}
	}
}

// More files than anybody renders: an error rather than an endless walk.
func TestTooManyFiles(t *testing.T) {
	r := newRepo(t)
	files := map[string][]byte{}
	for i := range maxFiles + 1 {
		files[fmt.Sprintf("d%d/f%d", i%7, i)] = []byte("same")
	}
	publish(t, r.ledger(), Change{Files: files, Message: "many", When: at(0)})
	s, _ := poll(t, r.mirror(func(o *Options) { o.Branch = statusBranch }))
	count, start := 0, time.Now()
	var last error
	for _, err := range s.Files("") {
		if last = err; err == nil {
			count++
		}
	}
	if count != maxFiles || last == nil {
		t.Errorf("%d files in %v, then %v", count, time.Since(start), last)
	}
}
