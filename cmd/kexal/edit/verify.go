package edit

import (
	"errors"
	"slices"

	"go.yaml.in/yaml/v4"
)

// parse reads the one document of a rollout.yaml.
func parse(src []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Load(src, &doc); err != nil {
		return nil, &Refusal{Why: "this is not one YAML document: " + err.Error()}
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, &Refusal{Line: 1, Col: 1, Why: "this is not a mapping with a spec"}
	}
	root := doc.Content[0]
	// Which of two equal keys counts is anybody's guess: nothing can be proven about such a file.
	var generic any
	if err := root.Decode(&generic); err != nil {
		return nil, &Refusal{Why: "this is not valid YAML: " + err.Error()}
	}
	return root, nil
}

// verify reads what was written: the field says what it should, what should be gone is,
// and without these nothing differs from what was there before.
func verify(before *yaml.Node, out []byte, field string, entries []entry, gone []string) error {
	byHand := "; write `" + field + ": " + flow(entries) + "`"
	for _, other := range gone {
		byHand += " and take " + other + " away"
	}
	refuse := func(why string) error { return &Refusal{Why: why + byHand + " by hand"} }
	after, err := parse(out)
	if err != nil {
		var r *Refusal
		errors.As(err, &r)
		return refuse("the edit would break the file (" + r.Why + ")")
	}
	_, spec := pair(after, "spec")
	_, got := pair(spec, field)
	if got == nil || !holds(got, entries) {
		return refuse("the edit would not be read as it is meant")
	}
	for _, other := range gone {
		if key, _ := pair(spec, other); key != nil {
			return refuse("the edit would not be read as it is meant")
		}
	}
	if fields := append([]string{field}, gone...); !same(without(before, fields), without(after, fields)) {
		return refuse("the edit would change more than " + field)
	}
	return nil
}

func holds(n *yaml.Node, entries []entry) bool {
	var want yaml.Node
	if err := yaml.Load([]byte(flow(entries)), &want); err != nil {
		return false
	}
	if n.Kind != yaml.MappingNode {
		return same(n, want.Content[0])
	}
	if len(n.Content) != 2*len(entries) {
		return false
	}
	for i := 0; i < len(n.Content); i += 2 {
		_, value := pair(want.Content[0], n.Content[i].Value)
		if value == nil || !same(n.Content[i+1], value) {
			return false
		}
	}
	return true
}

// without is the document with a spec that lacks the fields.
func without(root *yaml.Node, fields []string) *yaml.Node {
	cut := *root
	cut.Content = append([]*yaml.Node(nil), root.Content...)
	for i := 0; i+1 < len(cut.Content); i += 2 {
		if cut.Content[i].Value != "spec" {
			continue
		}
		spec := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} // an empty spec has no fields either
		old := cut.Content[i+1]
		for j := 0; j+1 < len(old.Content); j += 2 {
			if !slices.Contains(fields, old.Content[j].Value) {
				spec.Content = append(spec.Content, old.Content[j], old.Content[j+1])
			}
		}
		cut.Content[i+1] = spec
	}
	return &cut
}

// same compares what two nodes mean, not where they stand.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.ShortTag() != b.ShortTag() || a.Value != b.Value || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
