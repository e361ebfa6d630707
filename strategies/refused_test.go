package strategies

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the README says is refused is what the table refuses, right below each of these
// places (SPEC 3.2): a field that is built has to leave that list.
func TestReadmeRefusals(t *testing.T) {
	places := map[string]string{
		"canary":    "strategy.canary.",
		"steps":     "strategy.canary.steps.",
		"blueGreen": "strategy.blueGreen.",
		"spec":      "",
		"preview":   "preview.",
	}
	for heading, is := range map[string]support{
		"- **Refused in rollout.yaml**":        unsupported,
		"- **Read, and refused by the agent**": wanting,
	} {
		_, list, _ := strings.Cut(readFile(t, "../README.md"), heading)
		list = regexp.MustCompile(`\n(- |\n)`).Split(list, 2)[0]
		told := map[string]bool{}
		for _, entry := range strings.Split(list, "\n  - ")[1:] {
			place, names, _ := strings.Cut(entry, ": ")
			at, known := places[place]
			if !known {
				t.Fatalf("the README refuses fields of %q", place)
			}
			for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(names, -1) {
				told[at+name[1]] = true
			}
		}
		want := map[string]bool{}
		for name, f := range fieldsOf {
			for _, at := range places {
				if rest, below := strings.CutPrefix(name, at); below && f.is == is && !strings.Contains(rest, ".") {
					want[name] = true
				}
			}
		}
		if !maps.Equal(told, want) {
			t.Errorf("under %q the README names\n%q, and the table\n%q", heading, slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(want)))
		}
	}
}
