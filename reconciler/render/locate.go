package render

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/kexal/kexal/strategies"
)

// Locate gives each mistake of a directory the file, line and column of what it is about:
// the field, else the nearest field around it that is written, else the object. Where it
// cannot tell which of several files is meant it does not guess: then it is the
// kustomization, the chart, or the rollout.yaml of a plain directory. An error that holds no mistake
// is given back as it is.
func Locate(tree fs.FS, dir string, from strategies.Material, err error) error {
	var mistakes strategies.Mistakes
	if one := (*strategies.Mistake)(nil); !errors.As(err, &mistakes) && errors.As(err, &one) {
		mistakes = strategies.Mistakes{one}
	}
	if !slices.ContainsFunc(mistakes, func(m *strategies.Mistake) bool { return m.At != nil && m.Line == 0 }) {
		return err
	}
	located := make(strategies.Mistakes, len(mistakes))
	var way *trail
	for i, m := range mistakes {
		located[i] = m
		if m.At == nil || m.Line > 0 {
			continue
		}
		at := *m
		located[i] = &at
		if m.At.Kind == "" && len(m.At.Field) > 0 {
			at.Path = path.Join(dir, RolloutFile)
			at.Line, at.Col = inRollout(tree, at.Path, m.At.Field)
			continue
		}
		if way == nil {
			way = follow(tree, dir, from)
		}
		at.Path, at.Line, at.Col = way.place(m.At)
	}
	return located
}

// inRollout finds a field of rollout.yaml.
func inRollout(tree fs.FS, file string, field []string) (line, col int) {
	src, err := fs.ReadFile(tree, file)
	if err != nil {
		return 1, 1
	}
	roots, err := parseNodes(src)
	if err != nil || len(roots) == 0 {
		return 1, 1
	}
	return position(fieldNodes(roots[0], field...))
}

// position is the place of a field: of its value, or of its key where what is under it
// goes on over lines.
func position(key, value *yaml.Node) (line, col int) {
	if key != nil && (value.Kind != yaml.ScalarNode || value.Value == "" || value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0) {
		value = key
	}
	return max(value.Line, 1), max(value.Column, 1)
}

// place finds what is at fault.
func (t *trail) place(at *strategies.Place) (file string, line, col int) {
	var found []*origin
	for _, o := range t.objects {
		if o.rendered(at) {
			found = append(found, o)
		}
	}
	if len(found) == 0 || len(found) > 1 && !at.Last {
		return t.top(), 1, 1
	}
	return found[len(found)-1].place(at.Field)
}

// place finds a field of an object. The layer that follows it furthest says it; of two
// that have it the later one, of two that only have what is around it the file.
func (o *origin) place(field []string) (file string, line, col int) {
	field = o.certain(field)
	best, far := 0, -1
	for i, l := range o.layers {
		_, _, steps := l.find(field)
		if steps > far || steps == len(field) && steps == far && steps > 0 {
			best, far = i, steps
		}
	}
	l := o.layers[best]
	key, value, _ := l.find(field)
	line, col = position(key, value)
	return l.file, line + l.down, col + l.right
}

// certain cuts a way to a field where the number of a list's entry may be another in the
// file than it is in the rendered object: patches add entries.
func (o *origin) certain(field []string) []string {
	patched := len(o.layers) - len(o.names) // beside the file, each kustomization is a layer and a name
	if patched <= 0 {
		return field
	}
	for i, step := range field {
		if _, err := strconv.Atoi(step); err == nil {
			return field[:i]
		}
	}
	return field
}
