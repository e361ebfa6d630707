package plan

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/reconciler"
	"github.com/kexal/kexal/strategies"
)

// example is a commit of an example, with an image.
func example(t *testing.T, name, image string) *Side {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../../fixtures/repos/"+name)); err != nil {
		t.Fatal(err)
	}
	edit := func(file, old, now string) string {
		text, err := os.ReadFile(dir + "/apps/web/" + file)
		if err != nil || !strings.Contains(string(text), old) {
			t.Fatalf("%s has no %q: %v", file, old, err)
		}
		changed := strings.Replace(string(text), old, now, 1)
		if err := os.WriteFile(dir+"/apps/web/"+file, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		return changed
	}
	edit("deployment.yaml", "shop/web:v1", "shop/web:"+image)
	tree := os.DirFS(dir)
	r := reconciler.Read(reconciler.Settings{Namespace: "shop", Paths: []string{"."}}, reconciler.Commit{Hash: image, Tree: tree}, "apps/web")
	if len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	return &Side{Reading: r, File: edit("rollout.yaml", "", ""), Path: "apps/web/rollout.yaml", Tree: tree}
}

// Where the cluster says all, a plan knows what only the state holds: a warm colour that
// users can be sent back to, and a promotion that the next revision waits for (SPEC 2.6,
// 5.16).
func TestFromAState(t *testing.T) {
	for _, name := range []string{"canary", "bluegreen"} {
		v1, v2, v3 := example(t, name, "v1"), example(t, name, "v2"), example(t, name, "v3")
		a, b, c := v1.Wanted.Revision, v2.Wanted.Revision, v3.Wanted.Revision
		track := func(s *Side) *strategies.Track { t := s.Wanted.Track; return &t }
		watched := strategies.State{Phase: strategies.Progressing, Reason: strategies.Watching, Stable: track(v2), Warm: &strategies.Warm{Old: *track(v1)}}
		tried := strategies.State{Phase: strategies.Paused, Reason: strategies.WaitingForPromote, Stable: track(v1), Candidate: track(v2), Step: 4, Attempts: map[string]int{b: 3}}
		if name == "bluegreen" {
			tried.Step = 1
		}
		back := tried
		back.Reason, back.Back = strategies.GoingBack, &strategies.Back{Cause: strategies.ByRollback}
		for _, try := range []struct {
			state           strategies.State
			stable, planned *Side
			outcome         Outcome
			headline        string
		}{
			{watched, v2, v1, Back, "web: back from " + b + " to " + a + ", which is still warm: no steps, "},
			{watched, v2, v3, Rollout, "web: " + b + " → " + c + ", "},
			{tried, v1, v2, GoesOn, "web: " + a + " → " + b + " goes on at step "},
			{tried, v1, v3, Supersedes, "web: " + c + " takes the place of " + b + ": back to " + a + " first, then "},
			{tried, v1, v1, Back, "web: back to " + a + ", " + b + " is given up: no steps, "},
			{back, v1, v3, Supersedes, "web: " + c + " takes the place of " + b},
			{strategies.State{}, nil, v1, FirstRelease, "web: first release of " + a + ", no steps, "},
		} {
			f := Facts{Name: "web", Namespace: "shop", At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Record: FromState(try.state, "state"),
				Next: *try.planned, Stable: try.stable, Applied: try.stable, Candidate: v2}
			p, err := Make(f)
			if err != nil {
				t.Errorf("%s: %s %s: %v", name, try.outcome, try.headline, err)
				continue
			}
			if p.Outcome != try.outcome || !strings.HasPrefix(p.Headline, try.headline) {
				t.Errorf("%s: got %s %q, want %s %q", name, p.Outcome, p.Headline, try.outcome, try.headline)
			}
			if try.planned == v3 && try.state.Warm != nil && p.Course[0].What != "waits for the end of the watch" {
				t.Errorf("%s: a newer revision does not wait for the watch: %+v", name, p.Course)
			}
		}
	}
}
