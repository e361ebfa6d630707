package strategies

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Mistake is a fault in the repository that no retry can cure. The agent reports it
// in a status commit and then waits for the branch to move.
type Mistake struct {
	Path string // file in the repository, such as "apps/web/rollout.yaml"
	Line int    // counted from 1; 0 when it is not known
	Col  int    // counted from 1; 0 when unknown
	Err  error  // what is wrong, in the author's words
	Fix  string // what to do about it, one imperative sentence

	// At is what is at fault, for whoever has the commit to find its Path, Line and Col.
	// Nil when there is nothing to find.
	At *Place
}

// A Place is a part of what a directory says, whichever of its files says it.
type Place struct {
	// The object, as it is rendered; without a Kind it is the rollout.yaml, and without a
	// Field either it is the directory as a whole.
	APIVersion, Kind, Name string
	// Field is the way to a field: keys, and in a list the number of an entry or
	// KEY=VALUE, which is the last entry that says so.
	Field []string
	Last  bool // of several objects that are called so the last is meant
}

// RolloutField is a place in rollout.yaml.
func RolloutField(field ...string) *Place { return &Place{Field: field} }

func (m *Mistake) Error() string { return m.problem().String() }

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

// Unwrap lets errors.Is look into each.
func (ms Mistakes) Unwrap() []error {
	all := make([]error, len(ms))
	for i, m := range ms {
		all[i] = m
	}
	return all
}

// BadYAML is the mistake that a parser's error is, with the place that it names.
func BadYAML(path string, err error) *Mistake {
	m := &Mistake{Path: path, Line: 1, Col: 1, Err: fmt.Errorf("not valid YAML: %w", err), Fix: "mend the syntax there"}
	var where *yaml.LoadError
	if errors.As(err, &where) {
		m.Err = errors.New("not valid YAML: " + strings.Replace(where.Message, "found character that cannot", "a tab, or another character that cannot", 1))
		mark := where.Mark
		if from := where.ContextMark; from.Line > 0 && from.Line < mark.Line && unclosed(where.ContextMsg) {
			mark = from // where it opens, not the end of the file
			m.Err = fmt.Errorf("not valid YAML: %s, %s", where.ContextMsg, where.Message)
		}
		m.Line, m.Col = max(mark.Line, 1), max(mark.Column, 1)
	}
	return m
}

// unclosed tells that the parser looked for the end of something that was opened.
func unclosed(context string) bool {
	return strings.Contains(context, "flow mapping") || strings.Contains(context, "flow sequence") || strings.Contains(context, "quoted scalar")
}

// String is the one sentence for a problem, in the status, the log and the ledger, and on
// the screen: where, what is wrong, what to do.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Path)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	if p.Path != "" {
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	if p.Fix != "" {
		b.WriteString(": " + p.Fix)
	}
	return b.String()
}

// Sentence is the first of some problems, and how many more there are.
func Sentence(ps []Problem) string {
	switch more := len(ps) - 1; {
	case more < 0:
		return ""
	case more == 0:
		return ps[0].String()
	case more == 1:
		return ps[0].String() + " (and 1 more problem)"
	default:
		return fmt.Sprintf("%s (and %d more problems)", ps[0], more)
	}
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
