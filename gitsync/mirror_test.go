package gitsync

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kexal/kexal/fixtures/gitserver"
)

// Nothing moved: one request, and no download.
func TestIdlePollIsOneRequest(t *testing.T) {
	r := newRepo(t)
	want := r.commit("apps/web/a.yaml", "one")
	m := r.mirror()
	if s, moved := poll(t, m); !moved || s.Commit != want || !s.Descends {
		t.Fatalf("first poll: %+v moved=%v", s, moved)
	}
	before := r.server.Requests()
	for range 3 {
		if s, moved := poll(t, m); moved || s.Commit != want {
			t.Fatalf("idle poll: %+v moved=%v", s, moved)
		}
	}
	before.FetchRefs += 3
	if after := r.server.Requests(); after != before {
		t.Errorf("requests: %+v, want %+v", after, before)
	}
}

// The branch moved: one more request, for what is new. The old snapshot still
// reads as it did.
func TestMovedBranch(t *testing.T) {
	r := newRepo(t)
	r.commit("apps/web/a.yaml", "one")
	m := r.mirror()
	old, _ := poll(t, m)
	r.write("apps/web/a.yaml", "two")
	want := r.push("web: use v2\n\nWhy: because.")
	before := r.server.Requests()
	s, moved := poll(t, m)
	if !moved || s.Commit != want || !s.Descends {
		t.Fatalf("%+v moved=%v, want %s", s, moved, want)
	}
	before.FetchRefs++
	before.Fetch++
	if after := r.server.Requests(); after != before {
		t.Errorf("requests: %+v, want %+v", after, before)
	}
	if s.Subject != "web: use v2" || s.Author != "Ada <ada@example.com>" || s.When.IsZero() {
		t.Errorf("subject %q, author %q, when %v", s.Subject, s.Author, s.When)
	}
	if got := read(t, s, "apps/web/a.yaml"); got != "two" {
		t.Errorf("new snapshot reads %q", got)
	}
	if got := read(t, old, "apps/web/a.yaml"); got != "one" {
		t.Errorf("old snapshot reads %q", got)
	}
	if back, err := m.At(context.Background(), old.Commit); err != nil || read(t, back, "apps/web/a.yaml") != "one" {
		t.Errorf("at the old commit: %v", err)
	}
	if _, err := m.At(context.Background(), strings.Repeat("0", 40)); err == nil {
		t.Error("a commit that does not exist was found")
	}
}

// After a restart the cache still counts: one request, no download, and a
// force-push while away is seen.
func TestRestartKeepsTheCache(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	dir := t.TempDir()
	cached := func(o *Options) { o.CacheDir = dir }
	poll(t, r.mirror(cached))
	before := r.server.Requests()
	if s, moved := poll(t, r.mirror(cached)); !moved || !s.Descends {
		t.Errorf("after a restart: %+v moved=%v", s, moved)
	}
	before.FetchRefs++
	if after := r.server.Requests(); after != before {
		t.Errorf("requests: %+v, want %+v", after, before)
	}
	r.git("commit", "--quiet", "--amend", "-m", "rewritten")
	r.forcePush()
	if s, _ := poll(t, r.mirror(cached)); s.Descends {
		t.Error("a force-push while away was taken for a descendant")
	}
}

// Only the branch itself is fetched: no tags, no other branches.
func TestOnlyTheBranchIsFetched(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	r.git("checkout", "--quiet", "-b", "other")
	r.write("b", "elsewhere")
	r.git("add", "--all")
	r.git("commit", "--quiet", "-m", "other")
	r.git("tag", "v1")
	r.git("push", "--quiet", "origin", "other", "v1")
	m := r.mirror()
	poll(t, m)
	if s, err := m.At(context.Background(), r.git("rev-parse", "other")); err == nil {
		t.Errorf("another branch was fetched: %+v", s)
	}
}

// Force-pushed back to an older commit: nothing to download, not a descendant.
// Forward again: a descendant. An unrelated history: not one.
func TestForcePushIsSeen(t *testing.T) {
	r := newRepo(t)
	first := r.commit("a", "one")
	second := r.commit("a", "two")
	m := r.mirror()
	poll(t, m)
	follow := func(what, commit string, descends bool) {
		t.Helper()
		r.git("reset", "--quiet", "--hard", commit)
		r.forcePush()
		s, moved := poll(t, m)
		if !moved || s.Commit != commit || s.Descends != descends {
			t.Errorf("%s: %+v moved=%v, want %s descends=%v", what, s, moved, commit, descends)
		}
	}
	fetches := r.server.Requests().Fetch
	follow("back", first, false)
	follow("forward", second, true)
	if n := r.server.Requests().Fetch - fetches; n != 0 {
		t.Errorf("%d downloads of what was here", n)
	}
	r.git("checkout", "--quiet", "--orphan", "unrelated")
	r.write("a", "three")
	r.git("add", "--all")
	r.git("commit", "--quiet", "-m", "unrelated")
	follow("unrelated", r.git("rev-parse", "HEAD"), false)
}

// A merge: what was there before is found through the second parent.
func TestDescendsThroughAMerge(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	r.git("checkout", "--quiet", "-b", "feature")
	feature := r.commit("b", "feature")
	r.git("checkout", "--quiet", "main")
	r.write("c", "main")
	r.git("add", "--all")
	r.git("commit", "--quiet", "-m", "main goes on")
	aside := r.git("rev-parse", "HEAD")
	m := r.mirror()
	poll(t, m) // at feature
	r.git("merge", "--quiet", "--no-edit", "feature")
	r.git("push", "--quiet", "origin", "HEAD:main")
	s, moved := poll(t, m)
	if !moved || !s.Descends {
		t.Errorf("%+v moved=%v", s, moved)
	}
	for commit, want := range map[string]bool{feature: true, aside: true, s.Commit: true, strings.Repeat("1", 40): false} {
		if got, err := s.DescendsFrom(commit); err != nil || got != want {
			t.Errorf("descends from %s: %v %v, want %v", commit, got, err, want)
		}
	}
	old, err := m.At(context.Background(), feature)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := old.DescendsFrom(aside); err != nil || got {
		t.Errorf("the feature descends from main: %v %v", got, err)
	}
}

// Deleted: a clear error, and earlier snapshots read on. Recreated: seen.
func TestBranchDeletedAndRecreated(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	r.git("push", "--quiet", "origin", "HEAD:refs/heads/other") // so that the repository is not empty
	m := r.mirror()
	old, _ := poll(t, m)
	r.served("update-ref", "-d", "refs/heads/main")
	_, _, err := m.Poll(context.Background())
	if !errors.Is(err, ErrNoBranch) || !strings.Contains(err.Error(), "there is no branch main") {
		t.Fatalf("deleted: %v", err)
	}
	if got := read(t, old, "a"); got != "one" {
		t.Errorf("the old snapshot reads %q", got)
	}
	want := r.commit("a", "two")
	if s, moved := poll(t, m); !moved || s.Commit != want || !s.Descends {
		t.Errorf("recreated: %+v moved=%v", s, moved)
	}
}

// A repository with nothing in it has no branch, and gets one.
func TestEmptyRepository(t *testing.T) {
	r := newRepo(t)
	m := r.mirror()
	if _, _, err := m.Poll(context.Background()); !errors.Is(err, ErrNoBranch) {
		t.Errorf("empty: %v", err)
	}
	r.commit("a", "one")
	if _, moved := poll(t, m); !moved {
		t.Error("the first commit was not seen")
	}
}

// The cache is damaged on disk, in each of the ways a disk has, while running
// or between runs: it is fetched anew, once, and all reads well again.
func TestDamagedCacheIsFetchedAnew(t *testing.T) {
	content := strings.Repeat("all work and no play\n", 1000)
	damage := map[string]func(t *testing.T, path string){
		"removed":   func(t *testing.T, path string) { remove(t, path) },
		"emptied":   func(t *testing.T, path string) { overwrite(t, path, nil) },
		"truncated": func(t *testing.T, path string) { b := readAll(t, path); overwrite(t, path, b[:len(b)/2]) },
		"flipped": func(t *testing.T, path string) {
			b := readAll(t, path)
			for i := 20; i < len(b)-40; i += 7 {
				b[i] ^= 0x55
			}
			overwrite(t, path, b)
		},
	}
	for how, do := range damage {
		for _, what := range []string{"*.pack", "*.idx"} {
			for _, restart := range []bool{true, false} {
				name := how + " " + what + " running"
				if restart {
					name = how + " " + what + " restarted"
				}
				t.Run(name, func(t *testing.T) {
					r := newRepo(t)
					want := r.commit("a", content)
					dir := t.TempDir()
					cached := func(o *Options) { o.CacheDir = dir }
					m := r.mirror(cached)
					poll(t, m)
					files, _ := filepath.Glob(filepath.Join(dir, "*", "objects", "pack", what))
					if len(files) == 0 {
						t.Fatal("nothing to damage")
					}
					for _, f := range files {
						do(t, f)
					}
					if restart {
						m = r.mirror(cached)
					} else {
						m.store.cache.Clear() // or memory would answer
					}
					s, _ := poll(t, m)
					if _, err := s.ReadFile("a"); err != nil { // found only by reading: then the next poll mends it
						t.Logf("before: %v", err)
						if !errors.Is(err, errDamaged) {
							t.Errorf("not recognised as damage: %v", err)
						}
						s, _ = poll(t, m)
					}
					if s.Commit != want || read(t, s, "a") != content {
						t.Error("not mended")
					}
					before := r.server.Requests()
					poll(t, m)
					if n := r.server.Requests().Fetch - before.Fetch; n != 0 {
						t.Errorf("%d more downloads after mending", n)
					}
				})
			}
		}
	}
}

// The cache is damaged while the server is away: nothing is dropped that may
// still be read, and it is mended when the server is back.
func TestDamageWhileTheServerIsAway(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	m := r.mirror()
	s, _ := poll(t, m)
	m.store.mu.Lock()
	m.store.damaged = true
	m.store.mu.Unlock()
	r.server.SetDown(true)
	if _, _, err := m.Poll(context.Background()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("down: %v", err)
	}
	if got := read(t, s, "a"); got != "one" {
		t.Errorf("reads %q", got)
	}
	r.server.SetDown(false)
	s, _ = poll(t, m)
	if m.store.isDamaged() || read(t, s, "a") != "one" {
		t.Error("not mended")
	}
}

// go-git cannot repack, so the store is replaced when it has many packs.
func TestUntidyStoreIsReplaced(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	m := r.mirror()
	old, _ := poll(t, m)
	for i := range maxPacks {
		overwrite(t, filepath.Join(m.store.packDir(), "empty-"+string(rune('a'+i%26))+string(rune('a'+i/26))+".pack"), nil)
	}
	r.commit("a", "two")
	s, _ := poll(t, m)
	if read(t, s, "a") != "two" || read(t, old, "a") != "one" || !s.Descends {
		t.Errorf("after: %+v", s)
	}
	if packs, _ := filepath.Glob(filepath.Join(m.store.packDir(), "*.pack")); len(packs) != 1 {
		t.Errorf("%d packs", len(packs))
	}
}

// A pack that a broken proxy changed on the way never becomes current.
func TestBadPackIsNotKept(t *testing.T) {
	r := newRepo(t)
	r.commit("a", strings.Repeat("content\n", 100))
	pack := filepath.Join(t.TempDir(), "all.pack")
	r.served("repack", "-a", "-d", "-q")
	packs, _ := filepath.Glob(filepath.Join(r.bare, "objects", "pack", "*.pack"))
	overwrite(t, pack, readAll(t, packs[0]))
	whole := readAll(t, pack)
	for i := range whole {
		s, err := openStore(filepath.Join(t.TempDir(), "store"))
		if err != nil {
			t.Fatal(err)
		}
		bad := []byte(string(whole))
		bad[i] ^= 1
		if err := s.receive(strings.NewReader(string(bad))); err == nil {
			t.Errorf("byte %d of %d changed: kept", i, len(whole))
		}
		if err := s.receive(strings.NewReader(string(whole[:i]))); err == nil {
			t.Errorf("cut at byte %d of %d: kept", i, len(whole))
		}
		if left, _ := os.ReadDir(s.packDir()); len(left) != 0 {
			t.Fatalf("left behind: %v", left)
		}
	}
}

// Reads go on while the branch is polled.
func TestReadsWhilePolling(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	m := r.mirror()
	s, _ := poll(t, m)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			if b, err := s.ReadFile("a"); err != nil || string(b) != "one" {
				t.Errorf("read %q %v", b, err)
			}
		}
	}()
	for range 3 {
		r.commit("b", r.git("rev-parse", "HEAD"))
		poll(t, m)
	}
	<-done
}

// The mirror leaves nothing but its cache on disk: no worktree.
func TestNothingIsCheckedOut(t *testing.T) {
	r := newRepo(t, gitserver.TLS())
	r.commit("apps/web/a.yaml", "one")
	m := r.mirror()
	s, _ := poll(t, m)
	read(t, s, "apps/web/a.yaml")
	err := filepath.WalkDir(m.store.dir, func(path string, e fs.DirEntry, err error) error {
		switch filepath.Ext(path) {
		case ".pack", ".idx":
			return err
		}
		if !e.IsDir() && e.Name() != "tip" {
			t.Errorf("%s was written", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func overwrite(t *testing.T, path string, content []byte) {
	t.Helper()
	_ = os.Remove(path) // Git keeps packs read-only
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
