package course

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes a table, for a merge request.
func (c Course) WriteMarkdown(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "**%s**: %s\n\n", escape(c.Name), escape(c.headline()))
	fmt.Fprint(out, "| After | Users of the new | Old pods | New pods | What happens |\n|---:|---:|---:|---:|---|\n")
	for _, m := range c.Moments {
		fmt.Fprintf(out, "| %s | %d%% | %s | %s | %s |\n", short(m.After), m.Live, m.Old, m.New, escape(m.sentence()))
	}
	fmt.Fprintf(out, "\n%s\n\nAssumed: %s.\n", escape(c.summary()), escape(strings.Join(c.Assumed, ", ")))
	for i, warning := range c.Warnings {
		if i == 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "- **warning**: %s\n", escape(warning))
	}
	return out.Flush()
}

// escape keeps a text what it is between the bars of a table.
func escape(text string) string {
	return strings.NewReplacer("\n", " ", "|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`).Replace(text)
}
