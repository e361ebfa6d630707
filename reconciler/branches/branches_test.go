package branches

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/fixtures/gitserver"
	"github.com/kexal/kexal/gitsync"
	"github.com/kexal/kexal/reconciler"
	"github.com/kexal/kexal/strategies"
)

// A ledger from before the cluster was rebuilt may tell a trouble that is over: it is set
// right. Where it tells none there is no commit, whatever the times in it.
func TestCorrection(t *testing.T) {
	server, err := gitserver.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	url, err := server.CreateRepo("shop")
	if err != nil {
		t.Fatal(err)
	}
	branch, err := gitsync.OpenLedger(gitsync.Options{URL: url, Branch: "kexal/status", CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer branch.Close()
	l := &Ledger{Branch: branch, Namespace: "shop"}
	start := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	says := func(minute int, problems ...strategies.Problem) strategies.AgentStatus {
		fact := strategies.Fact{Known: true, Problems: problems, Since: start.Add(time.Duration(minute) * time.Minute)}
		return strategies.AgentStatus{}.Next("shop", strategies.AgentFacts{Followed: fact})
	}
	wrong := strategies.Problem{Path: "nowhere", Message: "there is no such directory"}
	for i, c := range []struct {
		told    reconciler.Told
		commits string // there are then
	}{
		{reconciler.Told{Status: says(0), Correction: true}, ""},
		{reconciler.Told{Status: says(1, wrong)}, "agent: nowhere: there is no such directory"},
		{reconciler.Told{Status: says(2), Correction: true}, "agent: every rollout.yaml can be followed, agent: nowhere: there is no such directory"},
		{reconciler.Told{Status: says(3), Correction: true}, "agent: every rollout.yaml can be followed, agent: nowhere: there is no such directory"},
	} {
		c.told.At = c.told.Status.Since
		if err := l.Publish(t.Context(), nil, &c.told); err != nil {
			t.Fatal(err)
		}
		log, err := gitserver.Git(server.Path("shop"), "log", "--all", "--format=%s")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(log, "\n", ", "); got != c.commits {
			t.Errorf("%d: the ledger has %q, want %q", i, got, c.commits)
		}
	}
	if _, err := gitserver.Git(server.Path("shop"), "rev-parse", "kexal/status:shop/agent.yaml"); err != nil {
		t.Error(err)
	}
}

// Every kind of error of gitsync has its word, and its sentence stays what it is (SPEC 7.3).
func TestTrouble(t *testing.T) {
	for kind, reason := range map[error]strategies.Reason{
		gitsync.ErrUnreachable: strategies.Unreachable, gitsync.ErrUntrusted: strategies.Untrusted, gitsync.ErrDenied: strategies.Denied,
		gitsync.ErrNoBranch: strategies.NoBranch, gitsync.ErrRefused: strategies.PushRefused, nil: strategies.Unusable,
	} {
		err := error(&gitsync.Error{Of: "mirror", URL: "https://git.corp/shop", What: "no", Fix: "do it", Err: kind})
		said, ok := trouble(fmt.Errorf("poll: %w", err)).(*strategies.Trouble)
		if !ok || said.Reason != reason || said.Error() != err.Error() {
			t.Errorf("%v: %+v", kind, said)
		}
	}
	if trouble(nil) != nil {
		t.Error("no error is no trouble")
	}
}
