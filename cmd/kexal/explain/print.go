package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kexal/kexal/strategies"
)

// WriteJSON writes the document for programs.
func (e Explanation) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(e)
}

// A Look is how a terminal shows it; the zero value is plain.
type Look struct{ Color bool }

func (l Look) paint(code, text string) string {
	if !l.Color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (l Look) title(text string) string { return l.paint("1", text) }

func (l Look) phase(p strategies.Phase) string {
	codes := map[strategies.Phase]string{strategies.Healthy: "32", strategies.Progressing: "36", strategies.Paused: "33", strategies.Degraded: "31"}
	return l.paint(codes[p], string(p))
}

// Write writes it for people.
func (e Explanation) Write(w io.Writer, look Look) error {
	var out bytes.Buffer
	s := e.Stands
	fmt.Fprintf(&out, "%s/%s is %s (%s)\n%s\n", e.Metadata.Namespace, e.Metadata.Name, look.phase(s.Phase), s.Reason, s.Message)

	fmt.Fprintf(&out, "\n%s\n", look.title("Where it stands"))
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	field := func(name, format string, args ...any) {
		fmt.Fprintf(table, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	field("since", "%s, %s ago", clock(s.Since, e.At), ago(e.At.Sub(s.Since)))
	if s.Step != nil {
		does := ""
		if s.Step.Does != "" {
			does = ": " + s.Step.Does
		}
		field("step", "%d of %d%s", s.Step.Index, s.Step.Of, does)
	}
	if s.Candidate != nil && s.Stable != nil {
		field("users", "%d%% on the candidate, %d%% on stable", s.Weight, 100-s.Weight)
	}
	track := func(role string, t *strategies.TrackStatus) {
		if t == nil {
			return
		}
		attempt := ""
		if t.Attempt > 1 {
			attempt = fmt.Sprintf(", attempt %d", t.Attempt)
		}
		field(role, "%s", strings.Join(strings.Fields(fmt.Sprintf("%s %s %s from commit %s%s", t.Revision, t.Color, strings.Join(t.Images, ", "), short(t.Commit), attempt)), " "))
	}
	track("stable", s.Stable)
	track("candidate", s.Candidate)
	field("source", "%s %s %s: %s", s.Source.Branch, short(s.Source.Commit), s.Source.Path, s.Source.Subject)
	if err := table.Flush(); err != nil {
		return err
	}

	fmt.Fprintf(&out, "\n%s\n", look.title("Why"))
	for _, because := range e.Why {
		fmt.Fprintf(&out, "  %s\n", because.Text)
	}

	fmt.Fprintf(&out, "\n%s\n", look.title("What would move it"))
	if len(e.Moves) == 0 {
		fmt.Fprintln(&out, "  nothing that a person could do")
	}
	for _, m := range e.Moves {
		m.write(&out, look)
	}

	fmt.Fprintf(&out, "\n%s\n", look.title("What comes by itself"))
	for _, c := range e.Next {
		c.write(&out, e.At)
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (m Move) write(out io.Writer, look Look) {
	fmt.Fprintf(out, "  %s\n", m.Does)
	for _, c := range m.Commands {
		fmt.Fprintf(out, "    $ %s\n", look.title(c))
	}
	if m.Write == "" && m.Remove == "" {
		return
	}
	var edits []string
	if m.Write != "" {
		edits = append(edits, "write `"+m.Write+"` under spec")
	}
	if m.Remove != "" {
		edits = append(edits, "take `"+m.Remove+"` away")
	}
	or := "in"
	if len(m.Commands) > 0 {
		or = "or in"
	}
	fmt.Fprintf(out, "    %s %s %s, commit and push\n", or, m.File, strings.Join(edits, ", "))
}

func (c Course) write(out io.Writer, now time.Time) {
	indent := "  "
	if c.If != "" {
		fmt.Fprintf(out, "  if %s:\n", c.If)
		indent = "    "
	}
	if len(c.Moments) == 0 {
		nothing := ""
		if strings.HasPrefix(c.Then, "it waits") {
			nothing = "nothing by the clock: "
		}
		fmt.Fprintf(out, "%s%s%s\n", indent, nothing, c.Then)
		return
	}
	for _, m := range c.Moments {
		fmt.Fprintf(out, "%s%s  %s\n", indent, clock(m.At, now), m.Message)
	}
	fmt.Fprintf(out, "%sthen %s\n", indent, c.Then)
}

// ago says a duration as people do, in its largest unit.
func ago(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= unit.size {
			return fmt.Sprintf("%d %s", d/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d s", max(d, 0)/time.Second)
}
