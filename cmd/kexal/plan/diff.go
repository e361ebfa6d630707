package plan

import (
	"fmt"
	"strings"
)

// around is how many lines of a diff stand beside those that changed.
const around = 3

// unified is the difference of two texts, line by line, as `diff -u` prints it but for
// its first two lines; empty when there is none.
func unified(before, after string) string {
	edits := compare(lines(before), lines(after))
	var out strings.Builder
	for i := 0; i < len(edits); {
		if edits[i].sign == ' ' {
			i++
			continue
		}
		from, to := max(i-around, 0), i // a hunk: changes that stand close together
		for end := i; end < len(edits) && end-to <= 2*around; end++ {
			if edits[end].sign != ' ' {
				to = end
			}
		}
		to = min(to+1+around, len(edits))
		hunk(&out, edits, from, to)
		i = to
	}
	return out.String()
}

func hunk(out *strings.Builder, edits []edit, from, to int) {
	count := func(edits []edit, without byte) (n int) {
		for _, e := range edits {
			if e.sign != without {
				n++
			}
		}
		return n
	}
	span := func(without byte) string {
		first, n := count(edits[:from], without)+1, count(edits[from:to], without)
		if n == 0 {
			first-- // by convention: the line before
		}
		return fmt.Sprintf("%d,%d", first, n)
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span('+'), span('-'))
	for _, e := range edits[from:to] {
		fmt.Fprintf(out, "%c%s\n", e.sign, e.line)
	}
}

// An edit is a line that stays (' '), goes ('-') or comes ('+').
type edit struct {
	sign byte
	line string
}

// compare finds the longest lines that two texts have in common, in order. What is alike
// at both ends is most of it, and is not searched.
func compare(a, b []string) []edit {
	var edits []edit
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		edits = append(edits, edit{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	tail := 0
	for tail < len(a) && tail < len(b) && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	same := a[len(a)-tail:]
	a, b = a[:len(a)-tail], b[:len(b)-tail]
	// common[i][j] is how many lines a[i:] and b[j:] have in common.
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			edits = append(edits, edit{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			edits = append(edits, edit{'-', a[i]})
			i++
		default:
			edits = append(edits, edit{'+', b[j]})
			j++
		}
	}
	for _, l := range same {
		edits = append(edits, edit{' ', l})
	}
	return edits
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
