package strategies_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/kexal/kexal/strategies"
)

// told finds the sentences of a story: a record, or a status.
var told = regexp.MustCompile(`(?m)^(?:record )?(Progressing|Paused|Healthy|Degraded) ([A-Za-z]+): `)

// TestReasonsAreTold sees that the list of reasons is closed from both sides: each is told in
// some story, and no story tells another.
func TestReasonsAreTold(t *testing.T) {
	stories := map[string]int{}
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		for _, sentence := range told.FindAllStringSubmatch(read(t, path), -1) {
			stories[sentence[2]]++
		}
	})
	known := reasons(t)
	for _, reason := range known {
		// A refused write is told by the loop, which has the server's words (SPEC 6.6).
		if stories[reason] == 0 && reason != string(strategies.Blocked) {
			t.Errorf("no story tells of %s", reason)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(stories)) {
		if !slices.Contains(known, reason) {
			t.Errorf("a story tells of %s, which is no reason of status.go", reason)
		}
	}
}

// reasons are the words of the closed list, as status.go has them.
func reasons(t *testing.T) (words []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "status.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if kind, named := spec.Type.(*ast.Ident); named && kind.Name == "Reason" {
			for _, v := range spec.Values {
				if literal, is := v.(*ast.BasicLit); is {
					word, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					words = append(words, word)
				}
			}
		}
		return true
	})
	if len(words) == 0 {
		t.Fatal("status.go has no reasons")
	}
	return words
}
