// Package edit changes the intent of a rollout.yaml, promote, abort and retry, and no
// other byte of it: comments, blank lines, indentation and line ends are the
// author's.
//
// It is pure: text in, text out. What it cannot change safely it refuses, with the
// place and the reason; a person then edits the file by hand.
package edit

import (
	"fmt"
	"regexp"
	"strings"
)

// A Refusal says why a rollout.yaml was left as it is, and where in it.
type Refusal struct {
	Line int // counted from 1; 0 when no single line is at fault
	Col  int // counted from 1
	Why  string
}

func (r *Refusal) Error() string { return r.At("rollout.yaml") }

// At is the sentence with the file's own path in front of it.
func (r *Refusal) At(path string) string {
	if r.Line == 0 {
		return path + ": " + r.Why
	}
	return fmt.Sprintf("%s:%d:%d: %s", path, r.Line, r.Col, r.Why)
}

// An entry is one key of an intent and its value, both as they are written.
type entry struct{ key, value string }

// SetPromote writes `promote: {revision: REV, step: N}` under spec, or
// `{revision: REV, full: true}`, with `ignoreWindows: true` when it passes windows. What
// the field held before is gone, ignoreWindows too: it was granted to another promotion.
func SetPromote(src []byte, p Promotion) ([]byte, error) {
	if p.Revision == "" {
		return nil, &Refusal{Why: "a promotion names its revision"}
	}
	if p.Step < 0 || p.Step > 0 && p.Full || p.Step == 0 && !p.Full && !p.IgnoreWindows {
		return nil, &Refusal{Why: "a promotion goes up to a step, counted from 1, or is full"}
	}
	entries := []entry{{"revision", scalar(p.Revision)}}
	if p.Step > 0 {
		entries = append(entries, entry{"step", fmt.Sprint(p.Step)})
	}
	if p.Full {
		entries = append(entries, entry{"full", "true"})
	}
	if p.IgnoreWindows {
		entries = append(entries, entry{"ignoreWindows", "true"})
	}
	return set(src, "promote", entries)
}

// SetAbort writes `abort: REV` under spec.
func SetAbort(src []byte, revision string) ([]byte, error) {
	if revision == "" {
		return nil, &Refusal{Why: "an abort names its revision"}
	}
	return set(src, "abort", []entry{{"", scalar(revision)}})
}

// A revision of digits alone, or of digits around one e, is a number to YAML, and so is one that
// starts like the binary 0b1. kexal takes the text as written, but other tools on the way may not.
var plainRevision = regexp.MustCompile(`^[0-9a-f]*[abcdf][0-9a-f]*$`)

func scalar(s string) string {
	if plainRevision.MatchString(s) && !strings.HasPrefix(s, "0b") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// flow writes the entries on one line.
func flow(entries []entry) string {
	if entries[0].key == "" {
		return entries[0].value
	}
	var pairs []string
	for _, e := range entries {
		pairs = append(pairs, e.key+": "+e.value)
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}
