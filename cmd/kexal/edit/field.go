package edit

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// The fields of spec that command; a new one goes beside those that are there.
var intents = []string{"paused", "promote", "abort", "retry"}

// A change puts new bytes in the place of src[from:to].
type change struct {
	from, to int
	with     string
}

// set gives spec.FIELD these entries, takes the fields that are to be gone away, and
// proves by reading the result that it changed nothing else.
func set(src []byte, field string, entries []entry, gone ...string) ([]byte, error) {
	root, err := parse(src)
	if err != nil {
		return nil, err
	}
	e := editor{text: newText(src), field: field, entries: entries}
	if err := e.edit(root); err != nil {
		return nil, err
	}
	for _, other := range gone {
		if err := e.takeAway(root, other); err != nil {
			return nil, err
		}
	}
	out := apply(src, e.changes)
	if err := verify(root, out, field, entries, gone); err != nil {
		return nil, err
	}
	return out, nil
}

type editor struct {
	*text
	field   string
	entries []entry
	changes []change
}

func (e *editor) replace(from, to int, with string) {
	e.changes = append(e.changes, change{from, to, with})
}

func (e *editor) edit(root *yaml.Node) error {
	specKey, spec := pair(root, "spec")
	switch {
	case spec == nil:
		return e.refuse(root, "there is no spec to write "+e.field+" to")
	case empty(spec):
		return e.firstOf(root, specKey)
	case spec.Kind != yaml.MappingNode:
		return e.refuse(spec, "spec is not a mapping: write it as key: value lines")
	}
	if key, value := pair(spec, e.field); value != nil {
		return e.replaceField(key, value)
	}
	if spec.Style&yaml.FlowStyle != 0 {
		return e.insertFlow(spec)
	}
	return e.insertLine(spec)
}

func (e *editor) replaceField(key, value *yaml.Node) error {
	colon, found, err := e.colon(key)
	if err != nil {
		return err
	}
	if !found {
		return e.refuse(key, "write this field as `"+e.field+": ...`")
	}
	if empty(value) {
		e.replace(colon, colon, " "+flow(e.entries))
		return nil
	}
	block := value.Style&yaml.FlowStyle == 0
	switch {
	case value.Kind == yaml.MappingNode && block && e.entries[0].key != "":
		return e.replaceBlock(value)
	case value.Kind != yaml.ScalarNode && block, value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return e.refuse(value, "write "+e.field+" on one line first")
	}
	from, err := e.start(value)
	if err != nil {
		return err
	}
	to, err := e.end(value)
	if err != nil {
		return err
	}
	e.replace(from, to, flow(e.entries))
	return nil
}

// replaceBlock edits a field whose entries stand on lines of their own, so that the
// comments between them stay. Entries that are not wanted go with their line.
func (e *editor) replaceBlock(value *yaml.Node) error {
	indent := strings.Repeat(" ", value.Column-1)
	below := value.Line - 2 // missing entries go to the top, or below the revision
	if key, _ := pair(value, "revision"); key != nil {
		below = key.Line - 1
	}
	at := e.lineEnd(e.lines[max(below, 0)])
	for _, want := range e.entries {
		if _, old := pair(value, want.key); old == nil {
			e.replace(at, at, e.lineBreak(at)+indent+want.key+": "+want.value)
		}
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		key, old := value.Content[i], value.Content[i+1]
		colon, found, err := e.colon(key)
		if err != nil {
			return err
		}
		if !found || old.Kind != yaml.ScalarNode || old.Line != key.Line || old.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			return e.refuse(key, "write "+e.field+" on one line first")
		}
		want := slices.IndexFunc(e.entries, func(w entry) bool { return w.key == key.Value })
		if want < 0 {
			if !e.dropLine(key) {
				return e.refuse(key, "write "+e.field+" on one line first")
			}
			continue
		}
		if empty(old) {
			e.replace(colon, colon, " "+e.entries[want].value)
			continue
		}
		from, err := e.start(old)
		if err != nil {
			return err
		}
		to, err := e.end(old)
		if err != nil {
			return err
		}
		e.replace(from, to, e.entries[want].value)
	}
	return nil
}

// dropLine takes a line and the break before it, so that a file without a final
// line break still has none. It takes no line that began before its key.
func (e *editor) dropLine(key *yaml.Node) bool {
	from := e.lines[key.Line-1]
	if len(bytes.TrimSpace(e.src[from:from+key.Column-1])) != 0 || key.Line < 2 {
		return false
	}
	e.replace(e.lineEnd(e.lines[key.Line-2]), e.lineEnd(from), "")
	return true
}

// takeAway takes a field of spec that stands on a line of its own, and that line with it.
func (e *editor) takeAway(root *yaml.Node, field string) error {
	_, spec := pair(root, "spec")
	key, value := pair(spec, field)
	_, found, err := e.colon(key)
	if err != nil {
		return err
	}
	end, err := e.end(value)
	if err != nil {
		return err
	}
	alone := found && spec.Style&yaml.FlowStyle == 0 && value.Line == key.Line && e.lineOf(end) == key.Line-1
	if !alone || !e.dropLine(key) {
		return e.refuse(key, "take "+field+" away first: "+e.field+" does nothing beside it")
	}
	return nil
}

func (e *editor) insertFlow(spec *yaml.Node) error {
	at, err := e.start(spec)
	if err != nil {
		return err
	}
	line := e.field + ": " + flow(e.entries)
	if len(spec.Content) == 0 {
		e.replace(at+1, at+1, line)
		return nil
	}
	if at, err = e.lastEnd(spec); err != nil {
		return err
	}
	e.replace(at, at, ", "+line)
	return nil
}

// insertLine puts the field below the last intent of spec, or at the end of spec.
func (e *editor) insertLine(spec *yaml.Node) error {
	last := len(spec.Content) - 2
	byIntent := false
	for i := last; i >= 0; i -= 2 {
		if slices.Contains(intents, spec.Content[i].Value) {
			last, byIntent = i, true
			break
		}
	}
	part := &yaml.Node{Kind: yaml.MappingNode, Line: spec.Line, Column: spec.Column, Content: spec.Content[last : last+2]}
	at, err := e.end(part)
	if err != nil {
		return err
	}
	if !byIntent {
		at = e.pastComments(at, spec.Column-1)
	}
	at = e.lineEnd(at)
	e.replace(at, at, e.lineBreak(at)+strings.Repeat(" ", spec.Column-1)+e.field+": "+flow(e.entries))
	return nil
}

// pastComments goes over comments below the last line of spec that are indented as
// its fields: they are often intents for another day, and the new one goes below.
func (e *editor) pastComments(at, indent int) int {
	for line := e.lineOf(at) + 1; line < len(e.lines); line++ {
		start := e.lines[line]
		text := bytes.TrimSpace(e.src[start:e.lineEnd(start)])
		if len(text) == 0 {
			continue
		}
		if text[0] != '#' || e.indent(line) < indent {
			break
		}
		at = start
	}
	return at
}

// firstOf gives a spec without any field its first one.
func (e *editor) firstOf(root, specKey *yaml.Node) error {
	at, found, err := e.colon(specKey)
	if err != nil {
		return err
	}
	if !found || root.Style&yaml.FlowStyle != 0 {
		return e.refuse(specKey, "write spec as key: value lines")
	}
	at = e.lineEnd(at)
	e.replace(at, at, e.lineBreak(at)+strings.Repeat(" ", specKey.Column+1)+e.field+": "+flow(e.entries))
	return nil
}

// pair finds a key of a mapping, and its value.
func pair(mapping *yaml.Node, key string) (k, v *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}

// apply makes the changes. Of two at one place, the one that was asked for first stands first.
func apply(src []byte, changes []change) []byte {
	slices.SortStableFunc(changes, func(a, b change) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, c := range changes {
		out = append(out, src[at:c.from]...)
		out = append(out, c.with...)
		at = c.to
	}
	return append(out, src[at:]...)
}
