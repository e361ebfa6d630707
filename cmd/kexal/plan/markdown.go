package plan

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes a plan as a comment on a merge request.
func (p Plan) WriteMarkdown(w io.Writer) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "**%s**\n", escape(p.Headline))
	for i, problem := range p.Problems {
		if i == 0 {
			fmt.Fprintln(&out)
		}
		fmt.Fprintf(&out, "- %s\n", escape(problem.String()))
	}
	if len(p.Course) > 0 {
		fmt.Fprint(&out, "\n| step | after | what | weight | pods | gate |\n|---|---|---|---|---|---|\n")
		for _, r := range p.Course {
			var cells []string
			for _, cell := range r.cells() {
				cells = append(cells, escape(cell))
			}
			fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
		}
		fmt.Fprintf(&out, "\n%s\n", assumed)
	}
	for i, warning := range p.notes() {
		if i == 0 {
			fmt.Fprintln(&out)
		}
		fmt.Fprintf(&out, "- ⚠ %s\n", escape(warning))
	}
	for _, c := range p.Changes {
		fence := fenceFor(c.Diff)
		fmt.Fprintf(&out, "\n<details><summary>%s</summary>\n\n%sdiff\n%s%s\n\n</details>\n", escape(c.title()), fence, c.Diff, fence)
	}
	if p.Outcome != Mistaken {
		var sides bytes.Buffer
		p.sides(&sides)
		for _, l := range lines(sides.String()) {
			fmt.Fprintf(&out, "\n%s\n", escape(strings.Join(strings.Fields(l), " ")))
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// escape keeps text from being taken for markup.
func escape(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`", "\n", " ").Replace(text)
}

// fenceFor is longer than any fence in the text.
func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}
