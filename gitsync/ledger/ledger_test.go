package ledger

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
)

// paused is the status that SPEC 7.1 shows.
func paused() strategies.Status {
	since := time.Date(2026, 11, 21, 10, 31, 7, 123456000, time.UTC)
	next := since.Add(5 * time.Minute)
	return strategies.Status{
		APIVersion: strategies.APIVersion, Kind: "RolloutStatus",
		Metadata: strategies.StatusMetadata{Name: "web", Namespace: "shop"},
		Source: strategies.Source{
			Branch: "main", Path: "apps/web", Commit: "7d1f0c3a9b2e4d5f60718293a4b5c6d7e8f90a1b",
			Subject: `web: use "v2" <now>, größer: ja # really`, Author: "Ada Lovelace <ada@example.com>",
		},
		Strategy: "canary", Phase: strategies.Paused, Reason: strategies.WaitingForPromote,
		Message: "step 3 of 5, 50% to 3f2a9c1b04, paused: waiting for promote", Since: since, NextAt: &next,
		Step: &strategies.Position{Index: 3, Of: 5}, Weight: 50,
		Stable:     &strategies.TrackStatus{Revision: "4402918837", Color: strategies.Blue, Commit: "aa", Images: []string{"web:v1"}},
		Candidate:  &strategies.TrackStatus{Revision: "12e4567890", Color: strategies.Green, Commit: "bb", Images: []string{"web:v2", "proxy:v3"}, Attempt: 2},
		Rejected:   []strategies.Rejection{{Revision: "0123456789", Attempt: 1, Reason: "aborted", At: since}},
		Intents:    []strategies.IntentStatus{{Field: "promote", Revision: "0b12345678", State: strategies.Ignored, Why: "another revision"}},
		Problems:   []strategies.Problem{{Path: "apps/web/rollout.yaml", Line: 7, Column: 11, Message: "setWeight 120 is above 100", Fix: "write at most 100"}},
		Conditions: []strategies.Condition{{Type: "Ready", Status: "False", Reason: strategies.WaitingForPromote, Message: "no", LastTransitionTime: since}},
	}
}

func encoded(t *testing.T, s strategies.Status) string {
	t.Helper()
	text, err := Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The file is read by people and by machines: fields in the order of SPEC 7.1, and a
// revision that looks like a number stays text whoever reads it (SPEC 4.1).
func TestEncodeIsGolden(t *testing.T) {
	const want = `apiVersion: "kexal.dev/v1alpha1"
kind: "RolloutStatus"
metadata:
  name: "web"
  namespace: "shop"
source:
  branch: "main"
  path: "apps/web"
  commit: "7d1f0c3a9b2e4d5f60718293a4b5c6d7e8f90a1b"
  subject: "web: use \"v2\" <now>, größer: ja # really"
  author: "Ada Lovelace <ada@example.com>"
strategy: "canary"
phase: "Paused"
reason: "WaitingForPromote"
message: "step 3 of 5, 50% to 3f2a9c1b04, paused: waiting for promote"
since: "2026-11-21T10:31:07.123456Z"
nextAt: "2026-11-21T10:36:07.123456Z"
step:
  index: 3
  of: 5
weight: 50
stable:
  revision: "4402918837"
  color: "blue"
  commit: "aa"
  images:
    - "web:v1"
candidate:
  revision: "12e4567890"
  color: "green"
  commit: "bb"
  images:
    - "web:v2"
    - "proxy:v3"
  attempt: 2
rejected:
  - revision: "0123456789"
    attempt: 1
    reason: "aborted"
    at: "2026-11-21T10:31:07.123456Z"
intents:
  - field: "promote"
    revision: "0b12345678"
    state: "ignored"
    why: "another revision"
problems:
  - path: "apps/web/rollout.yaml"
    line: 7
    column: 11
    message: "setWeight 120 is above 100"
    fix: "write at most 100"
conditions:
  - type: "Ready"
    status: "False"
    reason: "WaitingForPromote"
    message: "no"
    lastTransitionTime: "2026-11-21T10:31:07.123456Z"
`
	if got := encoded(t, paused()); got != want {
		t.Errorf("the file is\n%s", got)
	}
}

// What was written comes back, and is written the same way again: the same facts give
// the same bytes, and the same bytes make no commit (SPEC 7.4).
func TestRoundTrip(t *testing.T) {
	first := paused()
	bare := strategies.Status{APIVersion: strategies.APIVersion, Kind: "RolloutStatus", Since: first.Since,
		Rejected: []strategies.Rejection{}, Intents: []strategies.IntentStatus{}, Problems: []strategies.Problem{}, Conditions: []strategies.Condition{}}
	for name, s := range map[string]strategies.Status{"in a pause": first, "before any release": bare} {
		text := encoded(t, s)
		got, err := Decode([]byte(text))
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, s)
		}
		if again := encoded(t, got); again != text {
			t.Errorf("%s: the second time it is\n%s", name, again)
		}
	}
}

// Whatever a server or an author says in a sentence goes into the ledger and comes back
// as it was.
func TestAnyText(t *testing.T) {
	for _, said := range []string{
		"", " ", "- a: b", "#", "null", "true", "12e4567890", "2026-11-21", "'\"`", `back\slash`, "tab\tand\nline\n", "é😀", "<&>", "\u2028", "\ufffe\uffff\ufeff", "\x7f", "a: b # c", "~", "%", "@", "\x01\x1f",
		strings.Repeat("long ", 5000),
	} {
		s := paused()
		s.Message, s.Source.Subject, s.Problems[0].Message = said, said, said
		got, err := Decode([]byte(encoded(t, s)))
		if err != nil || got.Message != said || got.Source.Subject != said || got.Problems[0].Message != said {
			t.Errorf("%q came back as %q (%v)", said, got.Message, err)
		}
	}
}

// A ledger that a newer kexal wrote, or that is damaged, is never guessed at.
func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": `the ledger's status.yaml has apiVersion "", which this version of kexal does not know`,
		"apiVersion: kexal.dev/v2\nkind: RolloutStatus\n": `the ledger's status.yaml has apiVersion "kexal.dev/v2", which this version of kexal does not know`,
		"apiVersion: [\n":  "the ledger's status.yaml cannot be read: ",
		"since: yesterday": "the ledger's status.yaml cannot be read: ",
	} {
		if _, err := Decode([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A rollout's status lies under its namespace and name (SPEC 8.1).
func TestPath(t *testing.T) {
	if got := Path("shop", "web"); got != "shop/web/status.yaml" {
		t.Errorf("it lies at %s", got)
	}
}

// Only the file's own bytes are compared; they end with a line break, as Git likes.
func TestEndsWithALine(t *testing.T) {
	text := []byte(encoded(t, paused()))
	if !bytes.HasSuffix(text, []byte("\n")) || bytes.HasSuffix(text, []byte("\n\n")) {
		t.Errorf("it ends with %q", text[len(text)-5:])
	}
}
