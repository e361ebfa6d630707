package course

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// chartRows is how high a chart is.
const chartRows = 4

var (
	blocks = []rune(" ▁▂▃▄▅▆▇█")
	signs  = []rune(" .:#") // where there are only ASCII characters
)

// chart draws the share of users that the new revision has, over time.
func (c Course) chart(w io.Writer, look Look) {
	levels, axis, corner, line := blocks, "│", "└", "─"
	if look.ASCII {
		levels, axis, corner, line = signs, "|", "+", "-"
	}
	width := min(max(look.Width-6, 20), 100)
	fine := len(levels) - 1 // levels of one row
	shares := c.shares(width)
	for row := chartRows - 1; row >= 0; row-- {
		label := "    "
		switch row {
		case chartRows - 1:
			label = "100%"
		case 0:
			label = "  0%"
		}
		var b strings.Builder
		for _, share := range shares {
			height := (share*chartRows*fine + 50) / 100
			if share > 0 {
				height = max(height, 1) // a few users are not nobody
			}
			b.WriteRune(levels[min(max(height-row*fine, 0), fine)])
		}
		fmt.Fprintf(w, "%s %s%s\n", label, axis, strings.TrimRight(b.String(), " "))
	}
	fmt.Fprintf(w, "     %s%s\n", corner, strings.Repeat(line, width))
	from, to := "0s", short(c.Took)
	gap := width - utf8.RuneCountInString(from) - utf8.RuneCountInString(to)
	fmt.Fprintf(w, "      %s%s%s\n", from, strings.Repeat(" ", max(gap, 1)), to)
}

// shares are those of so many equal parts of the time; a part shows the most that users
// got in it.
func (c Course) shares(parts int) []int {
	shares := make([]int, parts)
	took := max(c.Took, time.Second)
	at, live := 0, 0
	for i := range shares {
		end := took * time.Duration(i+1) / time.Duration(parts)
		most := live
		for ; at < len(c.Moments) && (c.Moments[at].After < end || i == parts-1); at++ {
			live = c.Moments[at].Live
			most = max(most, live)
		}
		shares[i] = most
	}
	return shares
}
