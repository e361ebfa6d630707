package edit

import (
	"fmt"
	"strings"
)

// Diff is the change of one file as `git diff` would show it, in one hunk.
func Diff(file string, before, after []byte) string {
	const around = 3
	a, b := strings.SplitAfter(string(before), "\n"), strings.SplitAfter(string(after), "\n")
	a, b = dropEmpty(a), dropEmpty(b)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	from, below := max(head-around, 0), min(tail, around)
	var out strings.Builder
	fmt.Fprintf(&out, "--- a/%s\n+++ b/%s\n@@ -%d,%d +%d,%d @@\n", file, file,
		from+1, len(a)-tail+below-from, from+1, len(b)-tail+below-from)
	for _, part := range []struct {
		sign  string
		lines []string
	}{
		{" ", a[from:head]},
		{"-", a[head : len(a)-tail]},
		{"+", b[head : len(b)-tail]},
		{" ", a[len(a)-tail : len(a)-tail+below]},
	} {
		for _, l := range part.lines {
			out.WriteString(part.sign + l)
			if !strings.HasSuffix(l, "\n") {
				out.WriteString("\n\\ No newline at end of file\n")
			}
		}
	}
	return out.String()
}

// dropEmpty drops what follows the last line break: it is no line.
func dropEmpty(lines []string) []string {
	if n := len(lines); n > 0 && lines[n-1] == "" {
		return lines[:n-1]
	}
	return lines
}
