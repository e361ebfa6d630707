package strategies

import (
	"errors"
	"fmt"
	"strings"
)

// A Mistake is a fault in the repository that no retry can cure. The agent reports it
// in a status commit and then waits for the branch to move.
type Mistake struct {
	Path string // file in the repository, such as "apps/web/rollout.yaml"
	Line int    // counted from 1; 0 when no single line is at fault
	Col  int    // counted from 1; 0 when unknown
	Err  error  // what is wrong, in the author's words
	Fix  string // what to do about it, one imperative sentence
}

func (m *Mistake) Error() string {
	var b strings.Builder
	b.WriteString(m.Path)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d", m.Line)
		if m.Col > 0 {
			fmt.Fprintf(&b, ":%d", m.Col)
		}
	}
	if m.Path != "" {
		b.WriteString(": ")
	}
	b.WriteString(m.Err.Error())
	if m.Fix != "" {
		b.WriteString(": " + m.Fix)
	}
	return b.String()
}

func (m *Mistake) Unwrap() error { return m.Err }

// Mistakes are all the faults found in one reading, so that an author sees every one
// at once.
type Mistakes []*Mistake

func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

// Problems turns an error into what status shows: one entry for each mistake in it,
// or the error's own sentence when it holds none.
func Problems(err error) []Problem {
	var many Mistakes
	if errors.As(err, &many) {
		var ps []Problem
		for _, m := range many {
			ps = append(ps, m.problem())
		}
		return ps
	}
	var one *Mistake
	if errors.As(err, &one) {
		return []Problem{one.problem()}
	}
	return []Problem{{Message: err.Error()}}
}

func (m *Mistake) problem() Problem {
	return Problem{Path: m.Path, Line: m.Line, Column: m.Col, Message: m.Err.Error(), Fix: m.Fix}
}
