package strategies_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// What the README says is refused is refused, at its place and by its name (SPEC 3.2): a
// field that is built has to leave that list.
func TestReadmeRefusals(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "- **Refused in rollout.yaml**")
	list, _, _ = strings.Cut(list, "\n\n")
	places := map[string]string{
		"strategy":  "strategy: {canary: {}, %s: {a: b}}",
		"canary":    "strategy: {canary: {%s: {a: b}}}",
		"steps":     "strategy: {canary: {steps: [{%s: {a: b}}]}}",
		"blueGreen": "strategy: {blueGreen: {%s: {a: b}}}",
		"spec":      "strategy: {canary: {}}\n  %s: {a: b}",
		"preview":   "strategy: {blueGreen: {}}\n  preview: {%s: {a: b}}",
	}
	for _, entry := range strings.Split(list, "\n  - ")[1:] {
		place, names, _ := strings.Cut(entry, ": ")
		spec, known := places[place]
		if !known {
			t.Fatalf("the README refuses fields of %q", place)
		}
		delete(places, place)
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(names, -1) {
			_, err := strategies.Decode("rollout.yaml", fmt.Appendf(nil, "apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n  "+spec+"\n", name[1]))
			var mistakes strategies.Mistakes
			if !errors.As(err, &mistakes) || len(mistakes) != 1 || mistakes[0].Line == 0 || mistakes[0].Fix != "remove it" && !strings.HasSuffix(mistakes[0].Fix, "leave it out") {
				t.Errorf("%s.%s: %v", place, name[1], err)
			}
		}
	}
	if len(places) > 0 {
		t.Errorf("the README does not tell what is refused in %v", places)
	}
}
