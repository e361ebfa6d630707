package clone

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// A tree is a file system like any other, whether it is a commit or lies on disk.
func TestTreesAreFileSystems(t *testing.T) {
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=Ada", "-c", "user.email=ada@shop.example"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write := func(file, text string) {
		t.Helper()
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "--quiet", "--initial-branch=main")
	write(".gitignore", "ignored\n")
	write("apps/web/rollout.yaml", "one\n")
	write("apps/web/with space/ü.yaml", "")
	git("add", ".")
	git("commit", "--quiet", "-m", "web: one\n\nand more")
	write("apps/web/rollout.yaml", "two\n")
	write("apps/new.yaml", "new\n")
	write("ignored", "not there\n")
	write("big", strings.Repeat("x", maxFile+1))

	c, err := Open(t.Context(), filepath.Join(dir, "apps"))
	if err != nil {
		t.Fatal(err)
	}
	commit, err := c.At(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if commit.Subject != "web: one" || commit.Author != "Ada <ada@shop.example>" || len(commit.Commit) != 40 {
		t.Errorf("got %q %q %q", commit.Commit, commit.Subject, commit.Author)
	}
	if err := fstest.TestFS(commit, "apps/web/rollout.yaml", "apps/web/with space/ü.yaml"); err != nil {
		t.Error(err)
	}
	disk, err := c.Worktree(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for tree, want := range map[*Tree]string{commit: "one\n", disk: "two\n"} {
		if got, err := tree.ReadFile("apps/web/rollout.yaml"); err != nil || string(got) != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if _, err := disk.Stat("ignored"); !os.IsNotExist(err) {
		t.Errorf("what is ignored is in the tree: %v", err)
	}
	if _, err := disk.ReadFile("big"); err == nil || err.Error() != "read big: too large: 1048577 bytes, and 1048576 is the most" {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "big")); err != nil {
		t.Fatal(err)
	}
	if disk, err = c.Worktree(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(disk, "apps/web/rollout.yaml", "apps/new.yaml", ".gitignore"); err != nil {
		t.Error(err)
	}
	if err := commit.Close(); err != nil {
		t.Error(err)
	}
	if err := disk.Close(); err != nil {
		t.Error(err)
	}
}
