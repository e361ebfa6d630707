package strategies

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
)

// maxRolloutBytes bounds a rollout.yaml (SPEC 3.1).
const maxRolloutBytes = 1 << 20

// Decode reads a rollout.yaml strictly (SPEC 3.1): an unknown field, a wrong type or a
// bad value is a mistake with its line and column, and all of them are returned at
// once as [Mistakes]. path is the file's name in the repository, for the messages.
func Decode(path string, src []byte) (Rollout, error) {
	d := &decoder{path: path}
	r := Rollout{Spec: defaults()}
	if len(src) > maxRolloutBytes {
		d.fault(nil, "make it smaller", "the file has %d bytes, at most %d are read", len(src), maxRolloutBytes)
		return r, d.mistakes
	}
	root := d.document(src)
	if root == nil {
		return r, d.mistakes
	}
	d.aliases(root)
	if len(d.mistakes) == 0 {
		d.rollout(root, &r)
	}
	r.Needs, r.Warnings = d.needs, d.warnings
	if len(d.mistakes) > 0 {
		return r, d.mistakes
	}
	return r, nil
}

type decoder struct {
	path     string
	mistakes Mistakes
	needs    []Need
	warnings []Warning
	active   *yaml.Node // blueGreen.activeService; nil = not given
	routed   []written  // what only a router gives a meaning to
}

// A Warning is a field that is acted on, but not quite as its author may expect.
type Warning struct {
	Line, Col int // counted from 1
	Message   string
}

// written is a field and its value, where the author wrote them.
type written struct {
	name  string
	value *yaml.Node
}

// mistake is one at a node; n may be nil when the whole file is at fault.
func (d *decoder) mistake(n *yaml.Node, fix string, err error) *Mistake {
	m := &Mistake{Path: d.path, Line: 1, Col: 1, Err: err, Fix: fix}
	if n != nil && n.Line > 0 {
		m.Line, m.Col = n.Line, n.Column
	}
	return m
}

// fault notes a mistake.
func (d *decoder) fault(n *yaml.Node, fix, format string, args ...any) {
	d.mistakes = append(d.mistakes, d.mistake(n, fix, fmt.Errorf(format, args...)))
}

// warn notes a warning.
func (d *decoder) warn(n *yaml.Node, message string) {
	d.warnings = append(d.warnings, Warning{Line: n.Line, Col: n.Column, Message: message})
}

// document parses the one YAML document of the file.
func (d *decoder) document(src []byte) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			d.fault(nil, "write apiVersion, kind and spec", "the file is empty")
		} else {
			d.mistakes = append(d.mistakes, BadYAML(d.path, err))
		}
		return nil
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		d.fault(&second, "keep one rollout in a file", "the file holds more than one YAML document")
		return nil
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		d.fault(nil, "write apiVersion, kind and spec", "the file is not a mapping of fields")
		return nil
	}
	return doc.Content[0]
}

// aliases refuses anchors' uses and merge keys, which can make a small file huge.
func (d *decoder) aliases(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.fault(n, "write the value out", "aliases are not read here")
		return
	case n.Kind == yaml.ScalarNode && n.Tag == "!!merge":
		d.fault(n, "write the fields out", "merge keys are not read here")
	}
	for _, c := range n.Content {
		d.aliases(c)
	}
}

// fields says what each field of a mapping does.
type fields map[string]func(*yaml.Node)

// noTable is the place of mappings whose fields are not in the table of SPEC 3.2.
const noTable = "-"

// mapping calls the function of each field of n. where names the mapping in messages, at is
// its place in the table, which has the rest: what is refused, and why, and what is told.
func (d *decoder) mapping(n *yaml.Node, where, at string, known fields) {
	d.entries(n, where, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		f, told := fieldsOf[below(at, key.Value)]
		switch {
		case told && f.is == unsupported && !ok:
			d.refuse(value, f)
		case !ok:
			d.fault(key, suggestion(key.Value, slices.Sorted(maps.Keys(known))), "%s has no field %q", where, key.Value)
		default:
			read(value)
			d.tell(key, f)
		}
	})
}

// entries calls each with the fields of a mapping, every one once.
func (d *decoder) entries(n *yaml.Node, where string, each func(key, value *yaml.Node)) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return // `spec:` with nothing under it is the empty mapping
	}
	if n.Kind != yaml.MappingNode {
		d.fault(n, "write fields under it", "%s is %s, not a mapping", where, kindOf(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if seen[key.Value] {
			d.fault(key, "keep one of them", "%s is written twice", key.Value)
			continue
		}
		seen[key.Value] = true
		each(key, value)
	}
}

// below is the name in the table of a field that stands at a place; nothing stands above
// the fields of the spec.
func below(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// refuse says that a field is not acted on, and why; written as what it is anyway it does
// no harm.
func (d *decoder) refuse(value *yaml.Node, f field) {
	if f.def != "" && value.Kind == yaml.ScalarNode && value.Value == f.def {
		return
	}
	d.fault(value, cmp.Or(f.fix, "remove it"), "%s", f.says)
}

// tell notes what is to be told of a field that was read.
func (d *decoder) tell(key *yaml.Node, f field) {
	switch {
	case f.is == approximated:
		d.warn(key, f.says)
	case f.is == wanting && f.says != "":
		d.needs = append(d.needs, Need{For: f.needs, Mistake: *d.mistake(key, f.fix, errors.New(f.says))})
	}
}

func (d *decoder) rollout(n *yaml.Node, r *Rollout) {
	var version, kind string
	at := map[string]*yaml.Node{"apiVersion": n, "kind": n} // where to point when they are wrong
	said := func(field string, into *string) func(*yaml.Node) {
		return func(v *yaml.Node) {
			at[field] = v
			d.text(into)(v)
		}
	}
	hasSpec := false
	d.mapping(n, "the file", noTable, fields{
		"apiVersion": said("apiVersion", &version),
		"kind":       said("kind", &kind),
		"metadata": func(n *yaml.Node) {
			d.mapping(n, "metadata", noTable, fields{
				"name":        d.text(&r.Name),
				"namespace":   d.text(&r.Namespace),
				"annotations": func(*yaml.Node) {},
				"labels":      func(*yaml.Node) {},
			})
		},
		"spec": func(n *yaml.Node) {
			hasSpec = true
			d.spec(n, &r.Spec)
		},
	})
	if version != APIVersion {
		d.fault(at["apiVersion"], "write apiVersion: "+APIVersion, "apiVersion %q is not known", version)
	}
	if kind != "Rollout" {
		d.fault(at["kind"], "write kind: Rollout", "kind %q is not known", kind)
	}
	if !hasSpec {
		d.fault(n, "write spec: {strategy: {canary: {steps: [...]}}}", "the file has no spec")
	}
}
