package strategies

import (
	"encoding/json"
	"iter"
	"strings"

	"go.yaml.in/yaml/v4"
)

// analysis reads one, which stands at a place of the table.
func (d *decoder) analysis(into **Analysis, at string) func(*yaml.Node) {
	name := at[strings.LastIndex(at, ".")+1:]
	return func(n *yaml.Node) {
		faults := len(d.mistakes)
		d.shape(n, name, at)
		if len(d.mistakes) > faults {
			return
		}
		a := &Analysis{Templates: d.templates(n, name, "templates", "templateName")}
		settings := map[string]any{}
		for key, value := range pairs(n) {
			switch key.Value {
			case "templates":
			case "startingStep":
				// Argo Rollouts counts these from 0, and we count steps from 1.
				if v, ok := d.within(value, "startingStep", 0, 0); ok && v > 0 {
					a.StartingStep = v + 1
				}
			default:
				settings[key.Value] = asWritten(value)
			}
		}
		if len(settings) > 0 {
			a.Settings = canonical(settings)
		}
		*into = a
	}
}

func (d *decoder) experiment(into **Experiment, at string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		faults := len(d.mistakes)
		d.shape(n, "experiment", at)
		if len(d.mistakes) > faults {
			return
		}
		*into = &Experiment{Templates: d.templates(n, "experiment", "templates", "name"), Settings: canonical(asWritten(n))}
	}
}

// templates are the names of a block's templates; it needs one at least.
func (d *decoder) templates(n *yaml.Node, where, list, name string) (names []string) {
	for key, value := range pairs(n) {
		if key.Value != list {
			continue
		}
		for _, entry := range value.Content {
			var text string
			for key, value := range pairs(entry) {
				if key.Value == name {
					d.text(&text)(value)
				}
			}
			if text == "" {
				d.fault(entry, "write {"+name+": NAME}", "a template of %s has no %s", where, name)
			}
			names = append(names, text)
		}
	}
	if len(names) == 0 {
		d.fault(n, "write "+list+": [{"+name+": NAME}]", "%s names no template", where)
	}
	return names
}

// shape checks the names of what is kept as it is written: each is one of the table, and a
// list or a mapping where there is one.
func (d *decoder) shape(n *yaml.Node, where, at string) {
	if !strings.HasSuffix(fieldsOf[at].name, "[]") {
		d.partNames(n, where, at)
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "write a list", "%s is %s, not a list", where, kindOf(n))
		return
	}
	for _, entry := range n.Content {
		d.partNames(entry, where, at)
	}
}

// partNames checks the names in one mapping of them.
func (d *decoder) partNames(n *yaml.Node, where, at string) {
	parts := partsOf(at)
	if len(parts) == 0 {
		return // a value, or a mapping whose names are the author's
	}
	known := fields{}
	for name, f := range parts {
		if f.is != unsupported {
			known[name] = func(n *yaml.Node) { d.shape(n, name, at+"."+name) }
		}
	}
	d.mapping(n, where, at, known)
}

// partsOf are the fields right below a place of the table, by their names there.
func partsOf(at string) map[string]field {
	parts := map[string]field{}
	for name, f := range fieldsOf {
		if rest, below := strings.CutPrefix(name, at+"."); below && !strings.Contains(rest, ".") {
			parts[rest] = f
		}
	}
	return parts
}

// pairs are the fields of a mapping.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// asWritten is a part of the file as JSON knows it. A number or a word that JSON has no
// other way to write is its text.
func asWritten(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		all := map[string]any{}
		for key, value := range pairs(n) {
			all[key.Value] = asWritten(value)
		}
		return all
	case yaml.SequenceNode:
		all := []any{}
		for _, entry := range n.Content {
			all = append(all, asWritten(entry))
		}
		return all
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
	}
	return n.Value
}

// canonical is JSON with its keys in order.
func canonical(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps, lists, texts and valid numbers
	}
	return text
}
