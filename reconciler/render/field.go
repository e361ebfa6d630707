package render

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// child is a field of a mapping: its key and value, nil when it is not there.
func child(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n = written(n); n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], written(n.Content[i+1])
		}
	}
	return nil, nil
}

// written is the node that an alias stands for.
func written(n *yaml.Node) *yaml.Node {
	for range 8 {
		if n == nil || n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return nil
}

// text is a scalar deep inside a mapping; empty when there is none.
func text(n *yaml.Node, way ...string) string {
	for _, name := range way {
		_, n = child(n, name)
	}
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// entries are those of a list under a field.
func entries(n *yaml.Node, name string) []*yaml.Node {
	_, list := child(n, name)
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	var all []*yaml.Node
	for _, entry := range list.Content {
		if entry = written(entry); entry != nil {
			all = append(all, entry)
		}
	}
	return all
}

// fieldsOf follows a field in a document, or in a part of one.
func fieldsOf(root *yaml.Node) func([]string) (key, value *yaml.Node, steps int) {
	return func(field []string) (*yaml.Node, *yaml.Node, int) {
		var key *yaml.Node
		value := root
		for i, step := range field {
			k, v := child(value, step)
			if value.Kind == yaml.SequenceNode {
				k, v = nil, entryOf(value, step)
			}
			if v == nil {
				return key, value, i
			}
			key, value = k, v
		}
		return key, value, len(field)
	}
}

// fieldNodes are a field's key and value, or those of what is around it.
func fieldNodes(root *yaml.Node, way ...string) (key, value *yaml.Node) {
	key, value, _ = fieldsOf(root)(way)
	return key, value
}

// entryOf is the entry of a list by its number, or the last one that says KEY=VALUE.
func entryOf(list *yaml.Node, step string) *yaml.Node {
	name, want, named := strings.Cut(step, "=")
	if !named {
		if i, err := strconv.Atoi(step); err == nil && 0 <= i && i < len(list.Content) {
			return written(list.Content[i])
		}
		return nil
	}
	for _, entry := range slices.Backward(list.Content) {
		if _, v := child(entry, name); v != nil && v.Kind == yaml.ScalarNode && v.Value == want {
			return written(entry)
		}
	}
	return nil
}

// operations follows a field in a JSON patch: the last operation that sets it, or
// something around it.
func operations(list *yaml.Node) func([]string) (key, value *yaml.Node, steps int) {
	return func(field []string) (*yaml.Node, *yaml.Node, int) {
		for _, op := range slices.Backward(list.Content) {
			pointer := strings.Split(text(op, "path"), "/")[1:]
			for i, step := range pointer {
				pointer[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
			}
			if len(pointer) == 0 || len(pointer) > len(field) || !slices.Equal(pointer, field[:len(pointer)]) {
				continue
			}
			if _, set := child(op, "value"); set != nil {
				key, value, steps := fieldsOf(set)(field[len(pointer):])
				return key, value, steps + len(pointer)
			}
		}
		return nil, list, 0
	}
}

// generated follows a field into the entry of a generator, which has no more of it than
// the name.
func generated(entry *yaml.Node) func([]string) (key, value *yaml.Node, steps int) {
	return func(field []string) (*yaml.Node, *yaml.Node, int) {
		if slices.Equal(field, []string{"metadata", "name"}) {
			if key, name := child(entry, "name"); name != nil {
				return key, name, 2
			}
		}
		return nil, entry, 0
	}
}

// settings follows a field into what a kustomization sets in every object.
func settings(root *yaml.Node, o *origin) func([]string) (key, value *yaml.Node, steps int) {
	return func(field []string) (*yaml.Node, *yaml.Node, int) {
		whole := func(key, value *yaml.Node) (*yaml.Node, *yaml.Node, int) {
			if value == nil {
				return nil, root, 0
			}
			return key, value, len(field)
		}
		switch joined := strings.Join(field, "."); joined {
		case "metadata.namespace":
			return whole(child(root, "namespace"))
		case "spec.replicas":
			for _, entry := range entries(root, "replicas") {
				if slices.Contains(o.names, text(entry, "name")) {
					return whole(child(entry, "count"))
				}
			}
			return nil, root, 0
		}
		if len(field) == 0 {
			return nil, root, 0
		}
		around, label := strings.Join(field[:len(field)-1], "."), field[len(field)-1]
		selects := around == "spec.selector" || around == "spec.selector.matchLabels"
		template := around == "spec.template.metadata.labels"
		if around != "metadata.labels" && !selects && !template {
			return nil, root, 0
		}
		for _, entry := range slices.Backward(entries(root, "labels")) {
			with := text(entry, "includeSelectors") == "true"
			if selects && !with || template && !with && text(entry, "includeTemplates") != "true" {
				continue
			}
			if _, pairs := child(entry, "pairs"); pairs != nil {
				if key, value := child(pairs, label); value != nil {
					return whole(key, value)
				}
			}
		}
		if _, common := child(root, "commonLabels"); common != nil {
			return whole(child(common, label))
		}
		return nil, root, 0
	}
}
