package gitsync

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kexal/kexal/fixtures/gitserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A repo is one repository on a server, and a person's clone of it. The person
// pushes past the server, straight to disk, so that the counts are ours alone.
type repo struct {
	t      *testing.T
	server *gitserver.Server
	url    string
	bare   string // on the server's disk
	work   string // the person's clone
}

func newRepo(t *testing.T, opts ...gitserver.Option) *repo {
	t.Helper()
	server, err := gitserver.Start(filepath.Join(t.TempDir(), "served"), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	url, err := server.CreateRepo("shop")
	if err != nil {
		t.Fatal(err)
	}
	r := &repo{t: t, server: server, url: url, bare: server.Path("shop"), work: t.TempDir()}
	r.git("init", "--quiet", "--initial-branch=main")
	r.git("remote", "add", "origin", r.bare)
	return r
}

// git runs in the person's clone.
func (r *repo) git(args ...string) string {
	r.t.Helper()
	out, err := gitserver.Git(r.work, args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// served runs git in the repository on the server.
func (r *repo) served(args ...string) string {
	r.t.Helper()
	out, err := gitserver.Git(r.bare, args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *repo) write(path, content string) {
	r.t.Helper()
	full := filepath.Join(r.work, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// commit writes a file, commits everything and pushes HEAD to main.
func (r *repo) commit(path, content string) string {
	r.t.Helper()
	r.write(path, content)
	return r.push("change " + path)
}

func (r *repo) push(message string) string {
	r.t.Helper()
	r.git("add", "--all")
	r.git("commit", "--quiet", "--allow-empty", "-m", message)
	r.git("push", "--quiet", "origin", "HEAD:main")
	return r.git("rev-parse", "HEAD")
}

func (r *repo) forcePush() {
	r.t.Helper()
	r.served("config", "receive.denyNonFastForwards", "false")
	r.git("push", "--quiet", "--force", "origin", "HEAD:main")
}

func (r *repo) options(branch string) Options {
	return Options{
		URL: r.url, Branch: branch, CAFile: r.server.CAFile(),
		CacheDir: filepath.Join(r.t.TempDir(), "cache"),
		Timeout:  20 * time.Second, // only a server that is truly stuck takes this long
	}
}

func (r *repo) mirror(change ...func(*Options)) *Mirror {
	r.t.Helper()
	o := r.options("main")
	for _, c := range change {
		c(&o)
	}
	m, err := Open(o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = m.Close() })
	return m
}

const statusBranch = "kexal/status"

func (r *repo) ledger(change ...func(*Options)) *Ledger {
	r.t.Helper()
	o := r.options(statusBranch)
	for _, c := range change {
		c(&o)
	}
	l, err := OpenLedger(o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = l.Close() })
	return l
}

func poll(t *testing.T, m *Mirror) (*Snapshot, bool) {
	t.Helper()
	s, moved, err := m.Poll(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s, moved
}

func read(t *testing.T, s *Snapshot, path string) string {
	t.Helper()
	b, err := s.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// at is a commit's time: it moves on by a minute for each number.
func at(n int) time.Time {
	return time.Date(2026, 11, 21, 10, n, 0, 0, time.UTC)
}

func change(n int, path, content string) Change {
	return Change{
		Files:   map[string][]byte{path: []byte(content)},
		Message: "change " + path,
		When:    at(n),
	}
}

func publish(t *testing.T, l *Ledger, changes ...Change) string {
	t.Helper()
	tip, err := l.Publish(context.Background(), changes...)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

func secretDir(t *testing.T, keys map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for key, value := range keys {
		if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
