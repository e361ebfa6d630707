package edit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"
)

// One sentence that always holds: around the field every byte stays, and the field
// says the new value. A failure prints the seed that repeats it.
func TestOnlyTheFieldChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.SampledFrom([]string{"promote", "abort"}).Draw(t, "field")
		revision := rapid.StringMatching(`[0-9a-f]{10}`).Draw(t, "revision")
		step := rapid.IntRange(0, 9).Draw(t, "step") // 0: full
		before, old, after := rollout(t, field)
		src := []byte(before + old + after)

		var out []byte
		var err error
		want := any(revision)
		if field == "abort" {
			out, err = SetAbort(src, revision)
		} else {
			out, err = SetPromote(src, Promotion{Revision: revision, Step: step, Full: step == 0})
			want = map[string]any{"revision": revision, "step": step}
			if step == 0 {
				want = map[string]any{"revision": revision, "full": true}
			}
		}
		if err != nil {
			t.Fatalf("refused: %v\n%s", err, src)
		}

		if old != "" {
			if !bytes.HasPrefix(out, []byte(before)) || !bytes.HasSuffix(out, []byte(after)) {
				t.Fatalf("changed around the field:\n%q\n%q", src, out)
			}
		} else if at := firstDifference(src, out); !bytes.HasSuffix(out, src[at:]) || len(out) <= len(src) {
			t.Fatalf("not one insertion:\n%q\n%q", src, out)
		}
		var doc struct{ Spec map[string]any }
		if err := yaml.Unmarshal(out, &doc); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := doc.Spec[field]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s is %v, want %v\n%s", field, got, want, out)
		}
	})
}

func firstDifference(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// rollout writes a rollout.yaml in three parts: the field's value is the middle one,
// empty when the field is not there yet.
func rollout(t *rapid.T, field string) (before, old, after string) {
	eol := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line break")
	indent := strings.Repeat(" ", rapid.IntRange(1, 6).Draw(t, "indent"))
	deeper := indent + strings.Repeat(" ", rapid.IntRange(1, 4).Draw(t, "deeper"))
	lines := func(name string, from ...string) string {
		var b strings.Builder
		for _, l := range rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, len(from), rapid.ID).Draw(t, name) {
			b.WriteString(strings.NewReplacer("\n", eol, "~~", deeper, "~", indent).Replace(l) + eol)
		}
		return b.String()
	}
	head := lines("head", "# héad {", "", "kind: Rollout", "metadata: {name: wéb, annotations: {spec: 'x', abort: y}}", "x: |\n spec:\n  abort: no")
	fields := []string{
		"~# comment: '", "", "~workloads: [web, 'it''s', \"q\\\"}\"]  # c", "~paused: false", "~\"services\":\n~~- web # first\n~~- {name: é}",
		"~strategy:\n~~canary:\n~~ steps:\n~~ - setWeight: 20\n~~ - pause: {duration: 10s} # }\n", "~note: |\n~~# no comment\n\n~~end", "~empty:", "~source: {\n~~ kustomize: {path: .}, # why }\n~ }",
		"~retry:\n~~revision: abcdef\n~~attempt: 2",
	}
	above := lines("above", fields[:5]...)
	below := lines("below", fields[5:]...)
	tail := lines("tail", "", "# tail", "z: [1, 2]")
	spec := head + "spec:" + rapid.SampledFrom([]string{"", " # c"}).Draw(t, "comment") + eol + above

	if rapid.Bool().Draw(t, "lacks the field") {
		return spec + below + tail, "", ""
	}
	before, after = spec+indent+field+":", "  # what we want"+eol+below+tail
	if rapid.Bool().Draw(t, "cut the end") {
		after = strings.TrimSuffix(after, eol)
	}
	if field == "promote" && rapid.Bool().Draw(t, "on several lines") {
		after = strings.TrimPrefix(after, "  # what we want") // a line that goes takes its comment along
		return before + eol, deeper + "revision: abcdef" + eol + deeper + "# how far" + eol + deeper + "step: 2", after
	}
	return before, " " + rapid.SampledFrom([]string{
		"", "abcdef", `"4402918837"`, "'ab}cd'", "~", "{}", "{revision: abcdef, step: 2}",
		"{revision: 'a}', # c }" + eol + deeper + "full: true }",
	}).Draw(t, "value"), after
}
