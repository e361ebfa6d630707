package plan

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kexal/kexal/cmd/kexal/course"
)

// WriteText writes a plan for people; color is for terminals.
func (p Plan) WriteText(w io.Writer, color bool) error {
	var out bytes.Buffer
	paint := painter(color)
	fmt.Fprintln(&out, paint(bold, p.Headline))
	for _, problem := range p.Problems {
		fmt.Fprintln(&out, paint(red, problem.String()))
	}
	p.sides(&out)
	for _, c := range p.Changes {
		fmt.Fprintf(&out, "\n%s\n", paint(bold, c.title()))
		for _, l := range lines(c.Diff) {
			switch l[0] {
			case '+':
				l = paint(green, l)
			case '-':
				l = paint(red, l)
			case '@':
				l = paint(cyan, l)
			}
			fmt.Fprintln(&out, l)
		}
	}
	if len(p.Course) > 0 {
		fmt.Fprintln(&out)
		if err := p.table(&out); err != nil {
			return err
		}
	}
	for i, warning := range p.notes() {
		if i == 0 {
			fmt.Fprintln(&out)
		}
		fmt.Fprintln(&out, paint(yellow, "warning: "+warning))
	}
	_, err := w.Write(out.Bytes())
	return err
}

// sides say what is compared.
func (p Plan) sides(w io.Writer) {
	if p.Outcome == Mistaken {
		return
	}
	now := "nothing"
	if p.Stable != nil {
		now = p.Stable.String()
	}
	fmt.Fprintf(w, "now   %s\n      by %s\n", now, p.Against)
	if p.Candidate != nil {
		fmt.Fprintf(w, "      %s is tried\n", p.Candidate)
	}
	fmt.Fprintf(w, "then  %s\n", p.Next)
}

// String names a revision by what people know of it.
func (r Revision) String() string {
	text := r.Revision
	if len(r.Images) > 0 {
		text += " " + strings.Join(r.Images, ", ")
	}
	if r.Commit == "" {
		return text + ", as the files lie on disk"
	}
	return fmt.Sprintf("%s, commit %.10s", text, r.Commit)
}

func (c Change) title() string {
	switch c.What {
	case Removed:
		return fmt.Sprintf("%s %s is removed from Git, and kept", c.Kind, c.Name)
	case Created:
		return fmt.Sprintf("%s %s is created %s", c.Kind, c.Name, whens[c.When])
	}
	return fmt.Sprintf("%s %s changes %s", c.Kind, c.Name, whens[c.When])
}

// whens are the moments of changes, for people.
var whens = map[When]string{
	AtOnce: "at once", First: "before the first new pod", ByRollout: "step by step",
	AtPromotion: "at the promotion, not before", NextRollout: "with the next rollout",
}

// notes are the warnings, and why there is no difference to see.
func (p Plan) notes() []string {
	if p.Unknown == "" {
		return p.Warnings
	}
	return append([]string{p.Unknown}, p.Warnings...)
}

func (p Plan) table(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(out, "STEP\tAFTER\tWHAT\tWEIGHT\tPODS\tGATE")
	for _, r := range p.Course {
		fmt.Fprintln(out, strings.Join(r.cells(), "\t"))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, assumed)
	return nil
}

// assumed is what nobody can know beforehand.
const assumed = "PODS are the old revision's + the new one's. AFTER takes 10s for a pod to become ready, and people who answer at once."

// cells are a row as people read it.
func (r Row) cells() []string {
	step := "-"
	if r.Step > 0 {
		step = fmt.Sprintf("%d/%d", r.Step, r.Of)
	}
	return []string{step, short(r.After), r.What, fmt.Sprintf("%d%%", r.Weight), fmt.Sprintf("%s + %s", pods(r.Old), pods(r.New)), r.gate()}
}

func (r Row) gate() string {
	switch {
	case r.Command != "":
		return r.Who + ": " + r.Command
	case r.Who != "":
		return r.Who
	case r.Gate == course.Time && r.Wait > 0:
		return short(r.Wait)
	case r.Gate == course.NoGate:
		return "-"
	}
	return string(r.Gate)
}

// pods are those of a revision: the old one's stand before the new one's.
func pods(p course.Pods) string {
	if p.Ready == p.Asked {
		return fmt.Sprint(p.Ready)
	}
	return fmt.Sprintf("%d/%d", p.Ready, p.Asked)
}

const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// painter colours a line, or does not.
func painter(color bool) func(how, line string) string {
	return func(how, line string) string {
		if !color {
			return line
		}
		return "\x1b[" + how + "m" + line + "\x1b[0m"
	}
}
