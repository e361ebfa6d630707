package gitsync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kexal/kexal/fixtures/gitserver"
)

// log lists the subjects of the status branch, newest first.
func (r *repo) log() []string {
	r.t.Helper()
	return strings.Split(r.served("log", "--format=%s", statusBranch), "\n")
}

func (r *repo) show(path string) string {
	r.t.Helper()
	return r.served("show", statusBranch+":"+path)
}

// The first commit starts the branch, with no parent, and with nothing of
// main's; real git finds nothing to complain about.
func TestFirstCommitIsAnOrphan(t *testing.T) {
	for name, opts := range map[string][]gitserver.Option{"http": nil, "https": {gitserver.TLS()}} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, opts...)
			user := r.commit("apps/web/a.yaml", "one")
			l := r.ledger()
			ctx := context.Background()
			tip, err := l.Tip(ctx)
			if err != nil || tip != "" {
				t.Fatalf("tip %q %v", tip, err)
			}
			tip, err = l.Commit(ctx, tip, Change{
				Files:   map[string][]byte{"shop/web/status.yaml": []byte("phase: Healthy\n"), "shop/README.md": []byte("# shop\n")},
				Message: "web: healthy\n\nKexal-Rollout: web",
				Author:  "kexal <in shop>", Email: "kexal@example.com", When: at(0),
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.served("rev-parse", statusBranch); got != tip {
				t.Errorf("the branch is at %s, want %s", got, tip)
			}
			got := r.served("log", "--format=%an|%ae|%at|%cn|%P|%B", statusBranch)
			if want := fmt.Sprintf("kexal in shop|kexal@example.com|%d|kexal in shop||web: healthy\n\nKexal-Rollout: web", at(0).Unix()); strings.TrimSpace(got) != want {
				t.Errorf("log:\n%s\nwant:\n%s", got, want)
			}
			if got := r.served("ls-tree", "-r", "--name-only", statusBranch); got != "shop/README.md\nshop/web/status.yaml" {
				t.Errorf("files: %s", got)
			}
			if got := r.served("rev-parse", "main"); got != user {
				t.Errorf("main went from %s to %s", user, got)
			}
			r.served("fsck", "--strict", "--no-dangling")
			b, err := l.Read(ctx, tip, "shop/web/status.yaml")
			if err != nil || string(b) != "phase: Healthy\n" {
				t.Errorf("read %q %v", b, err)
			}
		})
	}
}

// Before the branch exists nothing can be read from it, and that is no fault.
func TestReadBeforeTheBranchExists(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	if _, err := l.Read(context.Background(), "", "shop/web/status.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if l.store.isDamaged() {
		t.Error("taken for damage")
	}
}

// The same facts make no commit: no push, and only the question for the tip.
func TestSameFactsMakeNoCommit(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	first := publish(t, l, change(0, "shop/web/status.yaml", "a"))
	before := r.server.Requests()
	if tip := publish(t, l, change(1, "shop/web/status.yaml", "a")); tip != first {
		t.Errorf("a new commit %s", tip)
	}
	before.FetchRefs++
	if after := r.server.Requests(); after != before {
		t.Errorf("requests: %+v, want %+v", after, before)
	}
	// Also for one who comes with an empty cache.
	if tip := publish(t, r.ledger(), change(2, "shop/web/status.yaml", "a")); tip != first {
		t.Errorf("a new commit %s", tip)
	}
	if tip := publish(t, l); tip != first {
		t.Errorf("no changes made %s", tip)
	}
}

// Several transitions share a push, each as a commit of its own; one that says
// nothing new among them makes none.
func TestSeveralChangesShareAPush(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	publish(t, l, change(0, "shop/web/status.yaml", "a"))
	pushes := r.server.Requests().Push
	publish(t, l,
		change(1, "shop/web/status.yaml", "b"),
		change(2, "shop/web/status.yaml", "b"),
		change(3, "shop/api/status.yaml", "x"))
	if got := r.server.Requests().Push - pushes; got != 1 {
		t.Errorf("%d pushes", got)
	}
	if got := len(r.log()); got != 3 {
		t.Errorf("log: %q", r.log())
	}
	if got := r.show("shop/web/status.yaml"); got != "b" {
		t.Errorf("status %q", got)
	}
}

// Everything else in the tree stays, bit for bit: files, modes, links, modules.
func TestOtherPathsArePreserved(t *testing.T) {
	r := newRepo(t)
	r.git("checkout", "--quiet", "--orphan", "status")
	r.write("shop/web/note.txt", "by hand")
	r.write("shop/run.sh", "#!/bin/sh")
	r.write("shop.txt", "sorts between")
	r.git("add", "--all")
	r.git("update-index", "--chmod=+x", "shop/run.sh")
	r.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",module")
	link := r.git("rev-parse", ":shop.txt")
	r.git("update-index", "--add", "--cacheinfo", "120000,"+link+",link")
	r.git("commit", "--quiet", "-m", "by hand")
	r.git("push", "--quiet", "origin", "HEAD:refs/heads/"+statusBranch)
	l := r.ledger()
	publish(t, l, change(1, "shop/web/status.yaml", "a"))
	if got := r.served("diff-tree", "-r", "--name-status", statusBranch+"~", statusBranch); got != "A\tshop/web/status.yaml" {
		t.Errorf("changed:\n%s", got)
	}
	r.served("fsck", "--strict", "--no-dangling")

	// Removed again, the tree is what it was: no empty directory is left.
	publish(t, l, change(2, "fresh/dir/file", "x"))
	publish(t, l, Change{Remove: []string{"fresh/dir/file", "shop/web/status.yaml", "never/there"}, Message: "remove", When: at(3)})
	if got := r.served("diff-tree", "-r", "--name-status", statusBranch+"~3", statusBranch); got != "" {
		t.Errorf("left:\n%s", got)
	}

	// What stands in the way is not swept aside.
	for _, path := range []string{"shop", "shop.txt/below", "link/below", "module/below"} {
		if _, err := l.Publish(context.Background(), change(4, path, "x")); err == nil || !strings.Contains(err.Error(), "cannot write") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Paths that are no paths, and changes that lack something, are refused before
// anything is pushed.
func TestChangesThatAreRefused(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	for what, c := range map[string]Change{
		"up":         change(0, "../a", "x"),
		"absolute":   change(0, "/a", "x"),
		"root":       change(0, ".", "x"),
		"empty":      change(0, "", "x"),
		"git":        change(0, "shop/.git/config", "x"),
		"both":       {Files: map[string][]byte{"a": nil, "a/b": nil}, Message: "m", When: at(0)},
		"twice":      {Files: map[string][]byte{"a": nil}, Remove: []string{"a"}, Message: "m", When: at(0)},
		"no time":    {Files: map[string][]byte{"a": nil}, Message: "m"},
		"no message": {Files: map[string][]byte{"a": nil}, When: at(0)},
	} {
		if _, err := l.Publish(context.Background(), c); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	if got := r.server.Requests(); got.Push != 0 {
		t.Errorf("requests: %+v", got)
	}
}

// Somebody pushes after we asked where the branch is and before our push gets
// there. The server compares: ours is refused, theirs is kept, and nobody is
// forced aside.
func TestRacingWriterLosesNothing(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	ctx := context.Background()
	first := publish(t, l, change(0, "shop/web/status.yaml", "a"))

	theirs := func(content string) func() {
		return func() {
			r.git("fetch", "--quiet", "origin", statusBranch)
			r.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
			r.write("notes.txt", content)
			r.git("add", "--all")
			r.git("commit", "--quiet", "-m", "a note: "+content)
			r.git("push", "--quiet", "origin", "HEAD:refs/heads/"+statusBranch)
		}
	}
	r.server.BeforeNextPush(theirs("one"))
	tip, err := l.Commit(ctx, first, change(1, "shop/web/status.yaml", "b"))
	if !errors.Is(err, ErrRemoteMoved) {
		t.Fatalf("commit: %s %v", tip, err)
	}
	if got := strings.Join(r.log(), ", "); got != "a note: one, change shop/web/status.yaml" {
		t.Errorf("after the lost race: %s", got)
	}

	// Known beforehand: nothing is even sent.
	pushes := r.server.Requests().Push
	if _, err := l.Commit(ctx, first, change(1, "shop/web/status.yaml", "b")); !errors.Is(err, ErrRemoteMoved) {
		t.Errorf("commit on an old parent: %v", err)
	}
	if _, err := l.Commit(ctx, "", change(1, "shop/web/status.yaml", "b")); !errors.Is(err, ErrRemoteMoved) {
		t.Errorf("commit as the first: %v", err)
	}
	if _, err := r.ledger().Commit(ctx, first, change(1, "shop/web/status.yaml", "b")); !errors.Is(err, ErrRemoteMoved) {
		t.Errorf("commit on an old parent with an empty cache: %v", err)
	}
	if got := r.server.Requests().Push - pushes; got != 0 {
		t.Errorf("%d pushes", got)
	}

	// Publish rebuilds on theirs.
	r.server.BeforeNextPush(theirs("two"))
	publish(t, l, change(1, "shop/web/status.yaml", "b"))
	if got := strings.Join(r.log(), ", "); got != "change shop/web/status.yaml, a note: two, a note: one, change shop/web/status.yaml" {
		t.Errorf("after publishing: %s", got)
	}
	if r.show("notes.txt") != "two" || r.show("shop/web/status.yaml") != "b" {
		t.Error("a file was lost")
	}
	r.served("fsck", "--strict", "--no-dangling")
}

// A writer that lost its right while it raced pushes nothing on top of its successor's
// commit.
func TestMayPushIsAskedForEachPush(t *testing.T) {
	r := newRepo(t)
	over := errors.New("its time is over")
	var asked int
	l := r.ledger(func(o *Options) {
		o.MayPush = func() error {
			if asked++; asked > 2 {
				return over
			}
			return nil
		}
	})
	publish(t, l, change(0, "shop/web/status.yaml", "a"))
	successor := r.ledger()
	r.server.BeforeNextPush(func() { publish(t, successor, change(1, "shop/web/status.yaml", "b")) })
	pushes := r.server.Requests().Push
	if _, err := l.Publish(context.Background(), change(2, "shop/web/status.yaml", "c")); !errors.Is(err, over) {
		t.Errorf("publish: %v", err)
	}
	if got := r.server.Requests().Push - pushes; asked != 3 || got != 2 || r.show("shop/web/status.yaml") != "b" {
		t.Errorf("asked %d times, %d pushes, the ledger says %s", asked, got, r.show("shop/web/status.yaml"))
	}
}

// Two start the branch at once: one is first, the other builds on it.
func TestRaceToStartTheBranch(t *testing.T) {
	r := newRepo(t)
	a, b := r.ledger(), r.ledger()
	r.server.BeforeNextPush(func() { publish(t, b, change(0, "shop/api/status.yaml", "b")) })
	publish(t, a, change(1, "shop/web/status.yaml", "a"))
	if got := len(r.log()); got != 2 {
		t.Errorf("log: %q", r.log())
	}
	if r.show("shop/api/status.yaml") != "b" || r.show("shop/web/status.yaml") != "a" {
		t.Error("a file was lost")
	}
}

// Ten publishers that know nothing of each other all land, each commit once, in
// one line of history that was never forced.
func TestTenPublishersAllLand(t *testing.T) {
	r := newRepo(t)
	user := r.commit("apps/web/a.yaml", "one")
	const publishers, each = 10, 2
	var wg sync.WaitGroup
	for p := range publishers {
		l := r.ledger()
		wg.Go(func() {
			for i := range each {
				path := fmt.Sprintf("shop-%d/web/status.yaml", p)
				if _, err := l.Publish(context.Background(), change(i, path, fmt.Sprint(i))); err != nil {
					t.Errorf("publisher %d: %v", p, err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(r.log()); got != publishers*each {
		t.Errorf("%d commits, want %d", got, publishers*each)
	}
	for p := range publishers {
		if got := r.show(fmt.Sprintf("shop-%d/web/status.yaml", p)); got != fmt.Sprint(each-1) {
			t.Errorf("publisher %d: %q", p, got)
		}
	}
	if merges := r.served("rev-list", "--min-parents=2", statusBranch); merges != "" {
		t.Errorf("merges: %s", merges)
	}
	r.neverForced()
	if got := r.served("rev-parse", "main"); got != user {
		t.Errorf("main went from %s to %s", user, got)
	}
	r.served("fsck", "--strict", "--no-dangling")
}

// neverForced reads from the server's reflog that each tip of the status branch
// descends from the one before.
func (r *repo) neverForced() {
	r.t.Helper()
	tips := strings.Fields(r.served("reflog", "show", "--format=%H", statusBranch))
	for i := range len(tips) - 1 {
		if _, err := gitserver.Git(r.bare, "merge-base", "--is-ancestor", tips[i+1], tips[i]); err != nil {
			r.t.Errorf("from %s to %s: forced", tips[i+1], tips[i])
		}
	}
}

// A server that would take a forced push never gets one, and its own rule
// against them never has to act.
func TestNeverForces(t *testing.T) {
	r := newRepo(t)
	r.served("config", "receive.denyNonFastForwards", "false")
	if err := r.server.Hook("shop", "update", `#!/bin/sh
# update REF OLD NEW: complain when NEW does not descend from OLD.
case $2 in 0000000000000000000000000000000000000000) exit 0 ;; esac
git merge-base --is-ancestor "$2" "$3" || { echo "$1" >> forced; exit 1; }
`); err != nil {
		t.Fatal(err)
	}
	a, b := r.ledger(), r.ledger()
	for i := range 5 {
		r.server.BeforeNextPush(func() { publish(t, b, change(i, "shop/api/status.yaml", fmt.Sprint(i))) })
		publish(t, a, change(i, "shop/web/status.yaml", fmt.Sprint(i)))
	}
	if forced, _ := filepath.Glob(filepath.Join(r.bare, "forced")); len(forced) != 0 {
		t.Error("a push would have been forced")
	}
	if got := len(r.log()); got != 10 {
		t.Errorf("%d commits", got)
	}
	r.neverForced()
}

// The push happened and only the answer was lost: asking where the branch is
// tells, and no second commit is made.
func TestLostAnswerMakesNoSecondCommit(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	for i := range 3 { // as the first commit, and on a parent
		r.server.LoseNextPushAnswer()
		tip := publish(t, l, change(i, "shop/web/status.yaml", fmt.Sprint(i)))
		if got := r.served("rev-parse", statusBranch); got != tip {
			t.Fatalf("the branch is at %s, want %s", got, tip)
		}
		if got := len(r.log()); got != i+1 {
			t.Fatalf("%d commits after %d changes", got, i+1)
		}
	}
}

// Whoever commits on a parent hears that it worked: the branch is at his own commit, and has not
// moved on to another's.
func TestLostAnswerIsASuccess(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	r.server.LoseNextPushAnswer()
	tip, err := l.Commit(t.Context(), "", change(0, "shop/web/status.yaml", "a"))
	if err != nil || tip != r.served("rev-parse", statusBranch) {
		t.Errorf("it comes to %q (%v)", tip, err)
	}
}

// The answer is lost and the server is away, so that nobody can tell. The
// caller comes again later, perhaps after a restart, perhaps after others
// pushed: its changes are found by their content.
func TestLostAnswerIsFoundLater(t *testing.T) {
	for name, others := range map[string]bool{"alone": false, "with others": true} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			l := r.ledger()
			publish(t, l, change(0, "shop/web/status.yaml", "a"))
			both := []Change{change(1, "shop/web/status.yaml", "b"), change(2, "shop/web/status.yaml", "c")}
			ctx := context.Background()
			parent, err := l.Tip(ctx)
			if err != nil {
				t.Fatal(err)
			}
			r.server.BeforeNextPush(func() { r.server.SetDown(true) }) // for what follows the push
			r.server.LoseNextPushAnswer()
			if tip, err := l.Commit(ctx, parent, both...); err == nil {
				t.Fatalf("committed %s", tip)
			} else {
				t.Logf("lost: %v", err)
			}
			r.server.SetDown(false)
			want := 3
			if others {
				publish(t, r.ledger(), change(3, "shop/api/status.yaml", "x"))
				want++
			}
			publish(t, l, both...)
			publish(t, r.ledger(), both...)
			if got := len(r.log()); got != want {
				t.Errorf("log: %q, want %d commits", r.log(), want)
			}
			if got := r.show("shop/web/status.yaml"); got != "c" {
				t.Errorf("status %q", got)
			}
		})
	}
}

// A hook says no: a clear error with the hook's own words, and nothing changed.
func TestHookRefuses(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	tip := publish(t, l, change(0, "shop/web/status.yaml", "a"))
	if err := r.server.Hook("shop", "pre-receive", "#!/bin/sh\necho 'only humans may push here' >&2\nexit 1\n"); err != nil {
		t.Fatal(err)
	}
	_, err := l.Publish(context.Background(), change(1, "shop/web/status.yaml", "b"))
	var refused *Error
	if !errors.Is(err, ErrRefused) || !errors.As(err, &refused) {
		t.Fatalf("%v", err)
	}
	want := "ledger " + r.url + ": push to kexal/status refused: pre-receive hook declined: only humans may push here: " +
		"let this user push to branch kexal/status, or choose another branch or repository"
	if err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
	if got := r.served("rev-parse", statusBranch); got != tip {
		t.Errorf("the branch went to %s", got)
	}
	if err := r.server.Hook("shop", "pre-receive", ""); err != nil {
		t.Fatal(err)
	}
	publish(t, l, change(1, "shop/web/status.yaml", "b"))
}

// A repository that may be read and not written to.
func TestReadOnlyRepository(t *testing.T) {
	r := newRepo(t)
	r.served("config", "http.receivepack", "false")
	_, err := r.ledger().Publish(context.Background(), change(0, "shop/web/status.yaml", "a"))
	if !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "let it push to branch kexal/status") {
		t.Errorf("%v", err)
	}
}

// Somebody deletes the branch, as a mirroring push from elsewhere does: it is
// started again, and nothing is said twice after that.
func TestDeletedBranchIsStartedAgain(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	l := r.ledger()
	publish(t, l, change(0, "shop/web/status.yaml", "a"))
	r.served("update-ref", "-d", "refs/heads/"+statusBranch)
	if tip, err := l.Tip(context.Background()); tip != "" || err != nil {
		t.Errorf("tip %q %v", tip, err)
	}
	publish(t, l, change(1, "shop/web/status.yaml", "b"))
	publish(t, l, change(2, "shop/web/status.yaml", "b"))
	if got := len(r.log()); got != 1 {
		t.Errorf("log: %q", r.log())
	}
}

// Others rewrite the branch by force, to something older or unrelated: what is
// there now is built upon.
func TestRewrittenBranchIsFollowed(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	first := publish(t, l, change(0, "shop/web/status.yaml", "a"))
	second := publish(t, l, change(1, "shop/api/status.yaml", "b"))
	r.served("update-ref", "refs/heads/"+statusBranch, first)
	publish(t, r.ledger(), change(2, "shop/api/status.yaml", "other"))
	publish(t, l, change(3, "shop/web/status.yaml", "c"))
	if r.show("shop/api/status.yaml") != "other" || r.show("shop/web/status.yaml") != "c" {
		t.Error("a file was lost")
	}
	r.served("update-ref", "refs/heads/"+statusBranch, second)
	publish(t, l, change(4, "shop/web/status.yaml", "d"))
	if r.show("shop/api/status.yaml") != "b" || r.show("shop/web/status.yaml") != "d" {
		t.Error("a file was lost")
	}
	r.served("fsck", "--strict", "--no-dangling")
}

// Only the newest commit is fetched, however long the branch; and an old file
// that comes back later is there to be read.
func TestLongLedgerIsFetchedShallow(t *testing.T) {
	r := newRepo(t)
	writer, reader := r.ledger(), r.ledger()
	ctx := context.Background()
	old := strings.Repeat("an old status\n", 50)
	first := publish(t, writer, change(0, "shop/web/status.yaml", old))
	publish(t, writer, change(1, "shop/web/status.yaml", "new"))
	tip, err := reader.Tip(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Read(ctx, first, "shop/web/status.yaml"); err == nil {
		t.Error("the history was fetched")
	}
	if b, err := reader.Read(ctx, tip, "shop/web/status.yaml"); err != nil || string(b) != "new" {
		t.Errorf("read %q %v", b, err)
	}
	// The content of the first commit, which the reader never had.
	publish(t, writer, change(2, "shop/web/status.yaml", old))
	fetches := r.server.Requests().Fetch
	if tip, err = reader.Tip(ctx); err != nil {
		t.Fatal(err)
	}
	if b, err := reader.Read(ctx, tip, "shop/web/status.yaml"); err != nil || string(b) != old {
		t.Errorf("read %d bytes %v", len(b), err)
	}
	if n := r.server.Requests().Fetch - fetches; n != 1 {
		t.Errorf("%d downloads", n)
	}
	publish(t, reader, change(3, "shop/web/status.yaml", "newer"))
	if got := len(r.log()); got != 4 {
		t.Errorf("log: %q", r.log())
	}
}

// The ledger's cache is damaged or gone: it is fetched anew and writing goes on.
func TestLedgerSurvivesADamagedCache(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	ctx := context.Background()
	publish(t, l, change(0, "shop/web/history.jsonl", strings.Repeat("line\n", 200)))
	tip := publish(t, l, change(1, "shop/web/status.yaml", "a"))
	for i, what := range []string{"*.pack", "*.idx", "*"} {
		files, _ := filepath.Glob(filepath.Join(l.store.packDir(), what))
		for _, f := range files {
			if i%2 == 0 {
				remove(t, f)
			} else {
				overwrite(t, f, bytes.Repeat([]byte{0x55}, 64))
			}
		}
		l.store.cache.Clear()
		var err error
		if tip, err = l.Commit(ctx, tip, change(2+i, "shop/web/status.yaml", what)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if now, err := l.Tip(ctx); err != nil || now != tip { // mends what only reading found
			t.Errorf("%s: tip %s %v, want %s", what, now, err, tip)
		}
		if b, err := l.Read(ctx, tip, "shop/web/history.jsonl"); err != nil || len(b) != 1000 {
			t.Errorf("%s: read %d bytes %v", what, len(b), err)
		}
	}
	r.served("fsck", "--strict", "--no-dangling")
}

// One ledger used from many places at once.
func TestOneLedgerUsedConcurrently(t *testing.T) {
	r := newRepo(t)
	l := r.ledger()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := l.Publish(context.Background(), change(i, fmt.Sprintf("shop/w%d", i), "x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(r.log()); got != 8 {
		t.Errorf("%d commits", got)
	}
}

// Mirror and ledger of one repository share a cache directory, and status
// commits never move the branch that is followed.
func TestStatusNeverMovesTheSource(t *testing.T) {
	r := newRepo(t)
	r.commit("apps/web/a.yaml", "one")
	dir := t.TempDir()
	cached := func(o *Options) { o.CacheDir = dir }
	m, l := r.mirror(cached), r.ledger(cached)
	poll(t, m)
	publish(t, l, change(0, "shop/web/status.yaml", "a"))
	if s, moved := poll(t, m); moved {
		t.Errorf("moved to %+v", s)
	}
	if got := r.served("for-each-ref", "--format=%(refname)"); got != "refs/heads/kexal/status\nrefs/heads/main" {
		t.Errorf("refs: %s", got)
	}
}
