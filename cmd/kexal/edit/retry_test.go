package edit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"
)

// rejected is a rollout whose last revision stays out after its attempt N, and whose file
// says `abort: v2`.
func rejected(attempt int) *strategies.Status {
	return at(func(s *strategies.Status) {
		healthy(s)
		s.Phase, s.Reason = strategies.Degraded, strategies.Aborted
		s.Rejected = []strategies.Rejection{{Revision: "3f2a9c1b04", Attempt: attempt}}
		s.Intents = []strategies.IntentStatus{
			{Field: "abort", Revision: "v2", State: strategies.Honoured}, {Field: "abort", Revision: "v0", State: strategies.Ignored},
			{Field: "promote", Revision: "v3", State: strategies.Honoured},
		}
	})
}

// SPEC 4.6: one attempt more than were made, of what is rejected and nothing else.
func TestARetryNamesTheNextAttempt(t *testing.T) {
	for _, c := range []struct {
		name   string
		status *strategies.Status
		asked  Retrial
		want   string
	}{
		{"the rejected one", rejected(1), Retrial{}, "retry 3f2a9c1b04, attempt 2"},
		{"again", rejected(2), Retrial{}, "retry 3f2a9c1b04, attempt 3"},
		{"by prefix", rejected(1), Retrial{Revision: "3f2a9c"}, "retry 3f2a9c1b04, attempt 2"},
		{"an attempt that is not told is the first", rejected(0), Retrial{}, "retry 3f2a9c1b04, attempt 2"},
		{"further on", rejected(1), Retrial{Attempt: 7}, "retry 3f2a9c1b04, attempt 7"},
		{"nothing is known, said in full", nil, Retrial{Revision: "77aa00bb11", Attempt: 2}, "retry 77aa00bb11, attempt 2"},

		{"not above", rejected(2), Retrial{Attempt: 2}, "web: attempt 2 of 3f2a9c1b04 was made: the next one is 3"},
		{"no other one", rejected(1), Retrial{Attempt: 1}, "the first is 1, so a retry is 2 or more"},
		{"another one", rejected(1), Retrial{Revision: "77aa00bb11"}, "web: 77aa00bb11 is not rejected: nothing to retry"},
		{"under way", at(nil), Retrial{}, "web: 3f2a9c1b04 is not rejected: nothing to retry"},
		{"healthy", at(healthy), Retrial{Revision: "81c07d"}, "web: 81c07d2e55 is not rejected: nothing to retry"},
		{"on its way back", at(func(s *strategies.Status) { s.Phase, s.Reason = strategies.Progressing, strategies.GoingBack }), Retrial{}, "web: users are still going back from 3f2a9c1b04: retry it when that is over"},
		{"nothing runs", &strategies.Status{Phase: strategies.Degraded}, Retrial{}, "web is Degraded: nothing to retry"},
		{"nothing is known", nil, Retrial{}, "--revision names it"},
		{"nothing is known but the revision", nil, Retrial{Revision: "77aa00bb11"}, "--attempt says which one comes now"},
	} {
		r, err := Retry("web", c.status, c.asked)
		expect(t, c.name, r.String(), err, c.want)
	}
}

// Abort beats retry (SPEC 4.6), so the line that aborts the same revision goes, and no other.
func TestARetryTakesItsAbortAway(t *testing.T) {
	for _, c := range []struct{ name, src, out string }{
		{"no abort", "spec:\n  strategy: {}\n# c\n", "spec:\n  strategy: {}\n  retry: {revision: 3f2a9c1b04, attempt: 2}\n# c\n"},
		{"the last line", "spec:\n  # why\n  abort: 3f2a9c1b04   # the spike\n", "spec:\n  # why\n  retry: {revision: 3f2a9c1b04, attempt: 2}\n"},
		{"the last line, without a break", "spec:\n  paused: false\n  abort: 3f2a9c1b04", "spec:\n  paused: false\n  retry: {revision: 3f2a9c1b04, attempt: 2}"},
		{"in between, line breaks of Windows", "spec:\r\n  paused: false\r\n\r\n  abort: \"3f2a9c\"\r\n\r\n  # how\r\n  strategy: {}\r\n",
			"spec:\r\n  paused: false\r\n\r\n  retry: {revision: 3f2a9c1b04, attempt: 2}\r\n\r\n  # how\r\n  strategy: {}\r\n"},
		{"below the retry before", "spec:\n  retry: {revision: abcdef, attempt: 9} # c\n  abort: 3f2a9c1b04\n", "spec:\n  retry: {revision: 3f2a9c1b04, attempt: 2} # c\n"},
		{"below a retry that lacks its end", "spec:\n  retry:\n    revision: 3f2a9c1b04\n  abort: 3f2a9c1b04\n", "spec:\n  retry:\n    revision: 3f2a9c1b04\n    attempt: 2\n"},
		{"above the retry before", "spec:\n  abort: 3f2a9c1b04\n  retry:\n    attempt: 2 # c\n    revision: abcdef\n", "spec:\n  retry:\n    attempt: 2 # c\n    revision: 3f2a9c1b04\n"},
		{"by the tag of its image", "spec:\n  abort: v2\n  strategy: {}\n", "spec:\n  retry: {revision: 3f2a9c1b04, attempt: 2}\n  strategy: {}\n"},
		{"after a text that ends in blank lines", "spec:\n  note: |+\n    text\n\n  abort: 3f2a9c1b04\n", "spec:\n  note: |+\n    text\n\n  retry: {revision: 3f2a9c1b04, attempt: 2}\n"},

		{"of another revision", "spec:\n  abort: 81c07d2e55 # old\n", "spec:\n  abort: 81c07d2e55 # old\n  retry: {revision: 3f2a9c1b04, attempt: 2}\n"},
		{"of another tag", "spec:\n  abort: v0\n", "spec:\n  abort: v0\n  retry: {revision: 3f2a9c1b04, attempt: 2}\n"},
		{"of nothing", "spec:\n  abort: ~\n", "spec:\n  abort: ~\n  retry: {revision: 3f2a9c1b04, attempt: 2}\n"},
		{"elsewhere", "metadata: {abort: 3f2a9c1b04}\nspec: {paused: false}\n", "metadata: {abort: 3f2a9c1b04}\nspec: {paused: false, retry: {revision: 3f2a9c1b04, attempt: 2}}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Retrial{Revision: "3f2a9c1b04", Attempt: 2}
			out, err := SetRetry([]byte(c.src), r, rejected(1))
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != c.out {
				t.Errorf("got\n%s\nwant\n%s", out, c.out)
			}
			again, err := SetRetry(out, r, rejected(1))
			if err != nil || string(again) != c.out {
				t.Errorf("a second time it should change nothing: %v\n%s", err, again)
			}
		})
	}
}

func TestAnAbortThatCannotGoIsRefusedByPlace(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"spec: {paused: false, abort: 3f2a9c1b04}\n", "rollout.yaml:1:23: take abort away first: retry does nothing beside it"},
		{"spec:\n  abort:\n    3f2a9c1b04\n", "rollout.yaml:2:3: take abort away first"},
		{"spec:\n  abort: \"3f2a9\\\n    c1b04\"\n", "rollout.yaml:2:3: take abort away first"},
		{"spec:\n  ? abort\n  : 3f2a9c1b04\n", "rollout.yaml:2:5: take abort away first"},
		{"? spec\n: abort: 3f2a9c1b04\n", "rollout.yaml:2:3: take abort away first"},
		{"spec:\n  abort: &a 3f2a9c1b04\n", "rollout.yaml:2:10: anchors, aliases and tags"},
		{"spec:\n  abort: v9\n", "rollout.yaml:2:10: this abort may mean 3f2a9c1b04 too, and would beat the retry: take it away first"},
		{"spec:\n  retry: ~\n  note: |+\n    text\n\n\n  abort: 3f2a9c1b04", "rollout.yaml: the edit would change more than retry; write `retry: {revision: 3f2a9c1b04, attempt: 2}` and take abort away by hand"},
		{"spec: web\n", "rollout.yaml:1:7: spec is not a mapping"},
		{"kind: Rollout\n", "rollout.yaml:1:1: there is no spec to write retry to"},
	} {
		out, err := SetRetry([]byte(c.src), Retrial{Revision: "3f2a9c1b04", Attempt: 2}, rejected(1))
		var refusal *Refusal
		if !errors.As(err, &refusal) || out != nil {
			t.Errorf("%q: should be refused, got %q, %v", c.src, out, err)
			continue
		}
		if !strings.HasPrefix(refusal.Error(), c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.src, refusal, c.want)
		}
	}
	for _, r := range []Retrial{{Revision: "3f2a9c1b04", Attempt: 1}, {Attempt: 2}} {
		if _, err := SetRetry([]byte("spec: {}"), r, nil); err == nil {
			t.Errorf("%+v should be refused", r)
		}
	}
}

// Without a status a tag may be anything, and a revision may be said by its beginning.
func TestWhoeverKnowsNothingTakesOnlyWhatIsCertain(t *testing.T) {
	short := Retrial{Revision: "3f2a9c", Attempt: 2}
	for src, want := range map[string]string{
		"spec:\n  abort: 3f2a9c1b04\n": "spec:\n  retry: {revision: 3f2a9c, attempt: 2}\n",
		"spec:\n  abort: 81c07d2e55\n": "spec:\n  abort: 81c07d2e55\n  retry: {revision: 3f2a9c, attempt: 2}\n",
		"spec:\n  abort: v2\n":         "rollout.yaml:2:10: this abort may mean",
		"spec:\n  abort: 81c07d2\n":    "rollout.yaml:2:10: this abort may mean", // the tag of a Git commit
	} {
		out, err := SetRetry([]byte(src), short, nil)
		expect(t, src, string(out), err, want)
	}
}

func TestAPromotionThatIsOpenStillIsTold(t *testing.T) {
	const head = "apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n  strategy: {canary: {}}\n"
	for promote, want := range map[string]bool{
		"": false, "  promote: 81c07d2e55\n": false,
		"  promote: {revision: 3f2a9c1b04, step: 4}\n": true, "  promote: v3\n": true,
	} {
		if got := StillOpen([]byte(head+promote), "3f2a9c1b04", rejected(1)); got != want {
			t.Errorf("%q: %v", promote, got)
		}
	}
}

// One sentence that always holds: a retry is written or refused, and every line but its own
// and that of its abort stays, in its order and with its break. A failure prints the seed
// that repeats it.
func TestOnlyTheRetryAndItsAbortChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		revision := rapid.SampledFrom([]string{"abcdef0123", "4402918837", "77aa00bb11"}).Draw(t, "revision")
		before, old, after := rollout(t, "abort")
		src := []byte(before + old + after)
		out, err := SetRetry(src, Retrial{Revision: revision, Attempt: 3}, nil)
		tag := strings.Contains(old, "ab}cd") || strings.TrimSpace(old) == "abcdef" && revision != "abcdef0123"
		if tag != (err != nil) {
			t.Fatalf("refused: %v\n%s", err, src)
		}
		if tag {
			return
		}
		was, is := spec(t, src), spec(t, out)
		named, isText := was["abort"].(string)
		if isText && strings.HasPrefix(revision, named) {
			delete(was, "abort")
		}
		was["retry"] = map[string]any{"revision": revision, "attempt": 3}
		if !maps.EqualFunc(was, is, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			t.Fatalf("spec is\n%v, want\n%v\n%s", is, was, out)
		}
		if a, b := untouched(src), untouched(out); !slices.Equal(a, b) {
			t.Fatalf("changed around the retry:\n%q\n%q", a, b)
		}
	})
}

func spec(t *rapid.T, src []byte) map[string]any {
	var doc struct{ Spec map[string]any }
	if err := yaml.Unmarshal(src, &doc); err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	if doc.Spec == nil {
		doc.Spec = map[string]any{}
	}
	return doc.Spec
}

// untouched are the lines that are no intent's; the last one may lack its break.
func untouched(src []byte) []string {
	text := string(src)
	eol := "\n"
	if strings.Contains(text, "\r\n") {
		eol = "\r\n"
	}
	return slices.DeleteFunc(strings.Split(strings.TrimSuffix(text, eol), eol), func(line string) bool {
		key, _, found := strings.Cut(strings.TrimLeft(line, " "), ":")
		return found && slices.Contains([]string{"abort", "retry", "revision", "attempt"}, key)
	})
}
