package strategies_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/kexal/kexal/strategies/simulated"
)

// deaths plays the same lines once for each decision in them and each place to die in
// it, and says how those lives end.
func (p *story) deaths(t *testing.T, d *datadriven.TestData) string {
	script := strings.Split(d.Input, "\n")
	live := func(c *story) string {
		for _, line := range script {
			cmd, args, err := datadriven.ParseLine(line)
			if err == nil {
				_, err = c.tell(cmd, args, "")
			}
			if err != nil {
				d.Fatalf(t, "%s: %v", line, err)
			}
			if c.broken != nil {
				return "BROKEN " + c.broken.Error()
			}
		}
		return c.summary()
	}
	calm := p.clone()
	ended := live(calm)
	points := []simulated.Death{{At: simulated.BeforeRecord}, {At: simulated.AfterRecord}}
	for i := range calm.play.MostActs {
		points = append(points, simulated.Death{At: simulated.AfterActs, Acts: i + 1})
	}
	lives, ends := 0, map[string]int{}
	for i := p.play.Decisions + 1; i <= calm.play.Decisions; i++ {
		for _, point := range points {
			c := p.clone()
			point.Decision = i
			c.play.Die(point)
			ends[live(c)]++
			lives++
			if c.broken != nil {
				d.Fatalf(t, "dies %s in decision %d: %v\n%s", point, i-p.play.Decisions, c.broken, c.said)
			}
		}
	}
	p.become(calm)
	var b strings.Builder
	fmt.Fprintf(&b, "%d deaths, %d end as if nobody had died:\n%s", lives, ends[ended], ended)
	delete(ends, ended)
	for _, end := range slices.Sorted(maps.Keys(ends)) {
		fmt.Fprintf(&b, "%d end so:\n%s", ends[end], end)
	}
	return b.String()
}
