package reconciler

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
)

func answers(status string) error {
	return &strategies.Trouble{Reason: strategies.Unreachable, Problem: strategies.Problem{Message: "the server answers with status " + status}}
}

// What the polls of one mirror, 15 s apart, tell (SPEC 7.4).
func TestPatience(t *testing.T) {
	start := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		polls string // each poll: "." works, else the status it answers with
		told  string // after each poll; "" = nothing yet, "." = it works
	}{
		"the first poll of a process is told at once":       {"503 503 . 503", "503 503 . ."},
		"one poll that fails is no news":                    {". 503 . 503 .", ". . . . ."},
		"the second is, and the first that works again":     {". 503 503 503 . .", ". . 503 503 . ."},
		"answers that take turns are told once":             {". 502 503 502 503 502 .", ". . 503 503 503 503 ."},
		"other words are told when they last":               {". 503 503 404 404 .", ". . 503 503 404 ."},
		"words that came back to what is told are not news": {". 503 503 404 503 404 404", ". . 503 503 503 503 404"},
	} {
		var e end
		var told []string
		at := start
		failing := time.Time{}
		for i, poll := range strings.Fields(c.polls) {
			at = start.Add(time.Duration(i) * 15 * time.Second)
			if poll == "." {
				failing = time.Time{}
				e.meets(nil, at, at, 15*time.Second)
			} else {
				if failing.IsZero() {
					failing = at
				}
				e.meets(answers(poll), at, at, 15*time.Second)
			}
			if len(e.fact.Problems) == 0 {
				told = append(told, ".")
				continue
			}
			told = append(told, strings.TrimPrefix(e.fact.Problems[0].Message, "the server answers with status "))
			if e.fact.Reason != strategies.Unreachable || !failing.IsZero() && !e.fact.Since.Equal(failing) {
				t.Errorf("%s: poll %d: %+v, failing since %v", what, i, e.fact, failing)
			}
		}
		if got := strings.Join(told, " "); got != c.told {
			t.Errorf("%s: polls %s tell %s, want %s", what, c.polls, got, c.told)
		}
	}
}

// The log says each sentence once, and an error nobody has words for is told as it is.
func TestMeets(t *testing.T) {
	var e end
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		err     error
		changed bool
	}{{nil, false}, {errors.New("odd"), true}, {errors.New("odd"), false}, {answers("503"), true}, {nil, true}, {nil, false}} {
		at = at.Add(15 * time.Second)
		if changed := e.meets(c.err, at, at, 15*time.Second); changed != c.changed {
			t.Errorf("exchange %d: changed is %v", i, changed)
		}
		if i == 2 && (e.fact.Reason != strategies.Unusable || e.fact.Problems[0].Message != "odd") {
			t.Errorf("told is %+v", e.fact)
		}
	}
}

// What a commit holds that is told under no rollout is known at once, and gone with the
// commit that mends it; somebody else's rollout is no problem (SPEC 1.1, 1.2, 7.3).
func TestUnfollowed(t *testing.T) {
	r, _ := reader(t)
	r.Paths = []string{".", "nowhere"}
	r.follow(tree("apps/My_App", "kind: [", "web", rolloutYAML(""), "staging/web", rolloutYAML("namespace: staging")))
	var said []string
	for _, p := range r.around.followed.Problems {
		said = append(said, p.String())
	}
	if len(said) != 3 ||
		said[0] != "nowhere: there is no such directory in the commit: mend --path, or add it" ||
		!strings.HasPrefix(said[2], "apps/My_App/rollout.yaml:") ||
		said[1] != `apps/My_App/rollout.yaml:1:1: "My_App" cannot name a rollout: set metadata.name to at most 40 small letters, digits and dashes` {
		t.Errorf("told:\n%s", strings.Join(said, "\n"))
	}
	r.Paths = []string{"."}
	r.follow(tree("apps/app", rolloutYAML(""), "web", rolloutYAML("")))
	if f := r.around.followed; !f.Known || len(f.Problems) != 0 || f.Reason != "" {
		t.Errorf("told: %+v", f)
	}
}
