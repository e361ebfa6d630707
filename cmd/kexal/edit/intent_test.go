package edit

import (
	"errors"
	"strings"
	"testing"
)

// What people write is on the left of each arrow, what the file says after `kexal promote` or `kexal
// abort` on the right. Everything around the field is compared byte by byte.
func TestEditsChangeOneField(t *testing.T) {
	step5 := func(src []byte) ([]byte, error) { return SetPromote(src, Promotion{Revision: "3f2a9c1b04", Step: 5}) }
	full := func(src []byte) ([]byte, error) {
		return SetPromote(src, Promotion{Revision: "3f2a9c1b04", Full: true})
	}
	window := func(src []byte) ([]byte, error) {
		return SetPromote(src, Promotion{Revision: "3f2a9c1b04", Step: 5, IgnoreWindows: true})
	}
	abort := func(src []byte) ([]byte, error) { return SetAbort(src, "3f2a9c1b04") }
	for _, c := range []struct {
		name     string
		edit     func([]byte) ([]byte, error)
		src, out string
	}{
		{"nothing there yet: at the end of spec", step5,
			"spec:\n  strategy:\n    canary:\n      steps:\n      - pause: {}   # ask\n",
			"spec:\n  strategy:\n    canary:\n      steps:\n      - pause: {}   # ask\n  promote: {revision: 3f2a9c1b04, step: 5}\n"},
		{"an abort too", abort,
			"spec:\n    strategy: {}\n", "spec:\n    strategy: {}\n    abort: 3f2a9c1b04\n"},
		{"below the other intents, not at the end", step5,
			"spec:\n  paused: false # for now\n  # how\n  strategy: {}\n",
			"spec:\n  paused: false # for now\n  promote: {revision: 3f2a9c1b04, step: 5}\n  # how\n  strategy: {}\n"},
		{"below the comments that show how", step5,
			"spec:\n  strategy: {}\n\n  # promote: 3f2a9c1b04\n# the end\n",
			"spec:\n  strategy: {}\n\n  # promote: 3f2a9c1b04\n  promote: {revision: 3f2a9c1b04, step: 5}\n# the end\n"},
		{"before what follows spec", step5,
			"spec:\n  workloads:\n  - web\n\nmetadata: {name: web}\n",
			"spec:\n  workloads:\n  - web\n  promote: {revision: 3f2a9c1b04, step: 5}\n\nmetadata: {name: web}\n"},
		{"no line break at the end", step5,
			"spec:\n  strategy: {}", "spec:\n  strategy: {}\n  promote: {revision: 3f2a9c1b04, step: 5}"},
		{"line breaks of Windows", step5,
			"spec:\r\n  strategy: {}\r\n# é\r\n", "spec:\r\n  strategy: {}\r\n  promote: {revision: 3f2a9c1b04, step: 5}\r\n# é\r\n"},
		{"line breaks of Windows, and none at the end", step5,
			"spec:\r\n  strategy: {}", "spec:\r\n  strategy: {}\r\n  promote: {revision: 3f2a9c1b04, step: 5}"},
		{"a scalar", step5,
			"spec:\n  promote: 1234567890   # all of it\n  paused: false\n",
			"spec:\n  promote: {revision: 3f2a9c1b04, step: 5}   # all of it\n  paused: false\n"},
		{"a quoted scalar", abort,
			"spec:\n  abort: 'it''s \"1\"' # c\n", "spec:\n  abort: 3f2a9c1b04 # c\n"},
		{"a flow mapping becomes a scalar", abort,
			"spec:\n  abort: {revision: \"12}\"} # c\n", "spec:\n  abort: 3f2a9c1b04 # c\n"},
		{"no value yet", step5,
			"spec:\n  promote:   # soon\n  paused: false\n",
			"spec:\n  promote: {revision: 3f2a9c1b04, step: 5}   # soon\n  paused: false\n"},
		{"null", step5, "spec:\n  promote: ~\n", "spec:\n  promote: {revision: 3f2a9c1b04, step: 5}\n"},
		{"a value on the next line", abort, "spec:\n  abort:\n    abcdef\n", "spec:\n  abort:\n    3f2a9c1b04\n"},
		{"a flow mapping", full,
			"spec:\n  promote: {revision: '12}34', step: 3} # c\n", "spec:\n  promote: {revision: 3f2a9c1b04, full: true} # c\n"},
		{"a flow mapping over several lines", step5,
			"spec:\n  promote: {\n    revision: abcdef, # was }\n    step: 3,\n  } # c\n  paused: false\n",
			"spec:\n  promote: {revision: 3f2a9c1b04, step: 5} # c\n  paused: false\n"},
		{"a block mapping keeps its comments", step5,
			"spec:\n  promote: # by ops\n    # which\n    revision: abcdef # v2\n    # how far\n    step: 3 # 20 %\n  paused: false\n",
			"spec:\n  promote: # by ops\n    # which\n    revision: 3f2a9c1b04 # v2\n    # how far\n    step: 5 # 20 %\n  paused: false\n"},
		{"a block mapping loses what was granted to another promotion", full,
			"spec:\n  promote:\n    revision: abcdef # v2\n    step: 3\n    ignoreWindows: true\n  # c\n",
			"spec:\n  promote:\n    revision: 3f2a9c1b04 # v2\n    full: true\n  # c\n"},
		{"the window is passed too", window,
			"spec:\n  promote: {revision: abcdef, step: 5} # c\n",
			"spec:\n  promote: {revision: 3f2a9c1b04, step: 5, ignoreWindows: true} # c\n"},
		{"the window is passed too, on a line of its own", window,
			"spec:\n  promote:\n    revision: 3f2a9c1b04 # v2\n    step: 5\n",
			"spec:\n  promote:\n    revision: 3f2a9c1b04 # v2\n    ignoreWindows: true\n    step: 5\n"},
		{"every gate and the window", func(src []byte) ([]byte, error) {
			return SetPromote(src, Promotion{Revision: "3f2a9c1b04", IgnoreWindows: true})
		},
			"spec:\n  promote: 3f2a9c1b04\n", "spec:\n  promote: {revision: 3f2a9c1b04, ignoreWindows: true}\n"},
		{"a block mapping of other entries", step5,
			"spec:\n  promote:\n    full: true", "spec:\n  promote:\n    revision: 3f2a9c1b04\n    step: 5"},
		{"a block mapping without a value", step5,
			"spec:\n  promote:\n    step: # ?\n    revision:\n", "spec:\n  promote:\n    step: 5 # ?\n    revision: 3f2a9c1b04\n"},
		{"spec on one line", step5,
			"spec: {strategy: {canary: {}}, services: [a, b]} # c\n",
			"spec: {strategy: {canary: {}}, services: [a, b], promote: {revision: 3f2a9c1b04, step: 5}} # c\n"},
		{"spec on one line, with the field", step5,
			"spec: {é: 'ñ', promote: , paused: false}\n",
			"spec: {é: 'ñ', promote: {revision: 3f2a9c1b04, step: 5} , paused: false}\n"},
		{"an empty spec on one line", abort, "spec: {}\n", "spec: {abort: 3f2a9c1b04}\n"},
		{"an empty spec", abort, "spec: # c\nkind: Rollout\n", "spec: # c\n  abort: 3f2a9c1b04\nkind: Rollout\n"},
		{"JSON", abort,
			"{\"kind\": \"Rollout\",\n \"spec\": {\"paused\": false}}\n", "{\"kind\": \"Rollout\",\n \"spec\": {\"paused\": false, abort: 3f2a9c1b04}}\n"},
		{"a text that looks like comments at the end of spec", step5,
			"spec:\n  note: |\n    # not a comment\n\n    # nor this\n  # a comment\n",
			"spec:\n  note: |\n    # not a comment\n\n    # nor this\n  # a comment\n  promote: {revision: 3f2a9c1b04, step: 5}\n"},
		{"a byte order mark", abort, "\ufeffspec: {paused: false}", "\ufeffspec: {paused: false, abort: 3f2a9c1b04}"},
		{"the same words elsewhere", abort,
			"metadata: {annotations: {abort: x, spec: y}}\nspec:\n  strategy: {abort: z}\n  abort: abcdef\n",
			"metadata: {annotations: {abort: x, spec: y}}\nspec:\n  strategy: {abort: z}\n  abort: 3f2a9c1b04\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := c.edit([]byte(c.src))
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != c.out {
				t.Errorf("got\n%s\nwant\n%s", out, c.out)
			}
			again, err := c.edit(out)
			if err != nil || string(again) != c.out {
				t.Errorf("a second time it should change nothing: %v\n%s", err, again)
			}
		})
	}
}

// A revision is text, whatever YAML takes it for (SPEC 4.1).
func TestRevisionsThatLookLikeNumbersAreQuoted(t *testing.T) {
	for revision, want := range map[string]string{
		"3f2a9c1b04": `3f2a9c1b04`,
		"4402918837": `"4402918837"`,
		"12e4567890": `"12e4567890"`,
		"0b10110101": `"0b10110101"`,
		"0012345678": `"0012345678"`,
		"v1.2":       `"v1.2"`, // an image tag
	} {
		out, err := SetPromote([]byte("spec: {}"), Promotion{Revision: revision, Step: 2})
		if err != nil {
			t.Errorf("%s: %v", revision, err)
		}
		if got := string(out); got != "spec: {promote: {revision: "+want+", step: 2}}" {
			t.Errorf("%s: got %s", revision, got)
		}
	}
}

func TestWhatCannotBeEditedIsRefusedByPlace(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"kind: Rollout\n", "rollout.yaml:1:1: there is no spec"},
		{"spec: web\n", "rollout.yaml:1:7: spec is not a mapping"},
		{"spec: ~\n", "rollout.yaml:1:7: spec is not a mapping"},
		{"- spec\n", "rollout.yaml:1:1: this is not a mapping"},
		{"", "rollout.yaml: this is not one YAML document"},
		{"spec: {}\n---\nspec: {}\n", "rollout.yaml: this is not one YAML document"},
		{"spec:\n  a: [\n", "rollout.yaml: this is not one YAML document"},
		{"spec:\n  abort: a\n  abort: b\n", "rollout.yaml: this is not valid YAML"},
		{"spec:\n  abort: !!str abcdef\n", "rollout.yaml:2:10: anchors, aliases and tags"},
		{"spec:\n  abort: >\n    abcdef\n", "rollout.yaml:2:10: write abort on one line"},
		{"spec:\n  abort:\n    revision: abcdef\n", "rollout.yaml:3:5: write abort on one line"},
		{"spec:\n  ? abort\n  : abcdef\n", "rollout.yaml:2:5: write this field as `abort: ...`"},
		{"spec:\n  note: one\n    two\n", "rollout.yaml:2:9: this value goes over several lines"},
		{"spec:\n  note: |+\n    text\n\n\n", "rollout.yaml: the edit would change more than abort; write `abort: 3f2a9c1b04` by hand"},
	} {
		out, err := SetAbort([]byte(c.src), "3f2a9c1b04")
		var refusal *Refusal
		if !errors.As(err, &refusal) || out != nil {
			t.Errorf("%q: should be refused, got %q, %v", c.src, out, err)
			continue
		}
		if !strings.HasPrefix(refusal.Error(), c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.src, refusal, c.want)
		}
	}
}

func TestAPromotionSaysWhatAndHowFar(t *testing.T) {
	for _, p := range []Promotion{
		{Step: 1}, {Revision: "3f2a9c1b04"}, {Revision: "3f2a9c1b04", Step: 2, Full: true}, {Revision: "3f2a9c1b04", Step: -1},
		{Revision: "3f2a9c1b04", Step: -1, IgnoreWindows: true},
	} {
		if _, err := SetPromote([]byte("spec: {}"), p); err == nil {
			t.Errorf("%+v should be refused", p)
		}
	}
}
