package course

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/kexal/kexal/strategies"
)

// A Look is how a terminal shows things.
type Look struct {
	Width int  // columns
	ASCII bool // it shows no other characters
	Fold  bool // lines that are too long go on below; else they stay whole, for programs
}

// fold breaks a sentence into lines that fit beside the columns before it.
func (l Look) fold(sentence string) []string {
	const before = 36
	if !l.Fold || l.Width < before+20 {
		return []string{sentence}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(sentence) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > l.Width-before {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// WriteText writes a chart of the weight and the timeline under it, for people.
func (c Course) WriteText(w io.Writer, look Look) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s: %s\n\n", c.Name, c.headline())
	c.chart(out, look)
	fmt.Fprintln(out)
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "AFTER\tNEW\tOLD PODS\tNEW PODS\tWHAT HAPPENS")
	for _, m := range c.Moments {
		for i, line := range look.fold(m.sentence()) {
			if i == 0 {
				fmt.Fprintf(rows, "%s\t%d%%\t%s\t%s\t%s\n", short(m.After), m.Live, m.Old, m.New, line)
			} else {
				fmt.Fprintf(rows, "\t\t\t\t%s\n", line)
			}
		}
	}
	if err := rows.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n", c.summary())
	fmt.Fprintf(out, "assumed: %s\n", strings.Join(c.Assumed, ", "))
	for _, warning := range c.Warnings {
		fmt.Fprintf(out, "warning: %s\n", warning)
	}
	return out.Flush()
}

// headline says what is released how.
func (c Course) headline() string {
	words := []string{c.Strategy}
	switch {
	case c.Steps == 1:
		words = append(words, "1 step")
	case c.Steps > 1:
		words = append(words, fmt.Sprintf("%d steps", c.Steps))
	}
	if c.Replicas == 1 {
		words = append(words, "1 pod")
	} else {
		words = append(words, fmt.Sprintf("%d pods", c.Replicas))
	}
	switch c.Old {
	case "":
		return strings.Join(words, ", ") + ": the first release, " + c.New
	case c.New:
		return strings.Join(words, ", ") + ": " + c.New + " is what runs"
	}
	return strings.Join(words, ", ") + ": from " + c.Old + " to " + c.New
}

// summary says how it ends, and what that takes.
func (c Course) summary() string {
	last := c.Last()
	text := fmt.Sprintf("%s (%s) after %s", last.Phase, last.Reason, short(c.Took))
	if last.Phase != strategies.Healthy && last.Phase != strategies.Degraded {
		text = fmt.Sprintf("stays %s (%s), from %s on", last.Phase, last.Reason, short(c.Took))
	}
	if c.Peak > c.Rest {
		text += fmt.Sprintf("; needs %d pods at once, %d now", c.Peak, c.Rest)
	}
	return text
}

// sentence is what happens, and who has to act.
func (m Moment) sentence() string {
	if m.Command != "" {
		return m.What + " (" + m.Command + ")"
	}
	return m.What
}

// String is ready/asked, and one number where they are equal.
func (p Pods) String() string {
	if p.Ready == p.Asked {
		return fmt.Sprint(p.Asked)
	}
	return fmt.Sprintf("%d/%d", p.Ready, p.Asked)
}
