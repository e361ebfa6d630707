package render

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/kexal/kexal/strategies"
)

// A trail is the way back from rendered objects to the files that say them: each file
// that a directory is rendered from, read again with its positions. It is only followed
// when something is wrong; a good commit never pays for it.
type trail struct {
	tree    fs.FS
	dir     string
	chart   string // its Chart.yaml; empty = it is no chart
	objects []*origin
	sheets  []sheet             // the kustomizations, the directory's own first
	broken  strategies.Mistakes // files that cannot be read, or hold no objects
	idle    []idle              // patches that are for no object
	open    map[string]bool     // kustomizations that are being read, against circles
	left    int                 // kustomizations that may still be read
}

// maxSheets bounds a trail: bases may be shared by bases many times over.
const maxSheets = 500

// A sheet is one kustomization.
type sheet struct {
	dir, file string
	root      *yaml.Node
}

// idle is a patch whose object is not there.
type idle struct {
	kind, name string
	file       string
	line, col  int
}

// An origin is where an object is written first, and all that is laid over it.
type origin struct {
	apiVersion, kind string
	names            []string // what it was called, base by base; the last is what it is called now
	hashed           bool     // a hash of its content may follow
	layers           []layer  // the file first; of two that say the same field, the later one is right
}

// A layer is one file's say about an object.
type layer struct {
	file string
	// find follows a way to a field as far as the layer has it: the node there, the key
	// that leads to it, and how many steps that were. No step at all is the object itself.
	find func(field []string) (key, value *yaml.Node, steps int)
	// A patch that is written out in a kustomization begins further down and to the right.
	down, right int
}

// What a chart's templates render to stands in no file: of that the trail leads to the chart.
func follow(tree fs.FS, dir string, from strategies.Material) *trail {
	t := &trail{tree: tree, dir: dir, chart: chartOf(tree, dir, from), open: map[string]bool{}, left: maxSheets}
	switch base := path.Join(dir, from.Kustomize); {
	case t.chart != "":
	case len(from.Manifests) == 0 && kustomization(tree, base) != "":
		t.dir = base
		t.objects = t.kustomize(base, nil)
	default:
		files, _ := manifests(tree, dir)
		if len(from.Manifests) > 0 {
			files, _ = matching(tree, dir, from.Manifests)
		}
		for _, file := range files {
			t.objects = append(t.objects, t.file(file)...)
		}
	}
	return t
}

// top is where to point when no file is more at fault than another.
func (t *trail) top() string {
	if file := cmp.Or(t.chart, kustomization(t.tree, t.dir)); file != "" {
		return file
	}
	return path.Join(t.dir, RolloutFile)
}

// documents parses a file; one that is no YAML is noted.
func (t *trail) documents(file string) []*yaml.Node {
	src, err := fs.ReadFile(t.tree, file)
	if err != nil {
		t.broken = append(t.broken, Unreadable(file, err))
		return nil
	}
	roots, err := parseNodes(src)
	if err != nil {
		t.broken = append(t.broken, strategies.BadYAML(file, err))
		return nil
	}
	return roots
}

// parseNodes reads the documents that are not empty.
func parseNodes(src []byte) ([]*yaml.Node, error) {
	var roots []*yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(src))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		switch {
		case errors.Is(err, io.EOF):
			return roots, nil
		case err != nil:
			return nil, err
		case len(doc.Content) > 0 && doc.Content[0].Tag != "!!null":
			roots = append(roots, doc.Content[0])
		}
	}
}

// file is what one file of resources holds.
func (t *trail) file(file string) []*origin {
	var found []*origin
	for _, root := range t.documents(file) {
		if strings.HasSuffix(text(root, "kind"), "List") { // kustomize takes the items for objects
			for _, item := range entries(root, "items") {
				found = append(found, t.object(file, item)...)
			}
			continue
		}
		found = append(found, t.object(file, root)...)
	}
	return found
}

func (t *trail) object(file string, root *yaml.Node) []*origin {
	if wrong := cmp.Or(notAnObject(file, root), writtenTwice(file, root)); wrong != nil {
		t.broken = append(t.broken, wrong)
		return nil
	}
	return []*origin{{
		apiVersion: text(root, "apiVersion"), kind: text(root, "kind"),
		names:  []string{text(root, "metadata", "name")},
		layers: []layer{{file: file, find: fieldsOf(root)}},
	}}
}

// kustomize follows a kustomization. A component is laid over the objects it is given;
// another one begins with none.
func (t *trail) kustomize(dir string, objects []*origin) []*origin {
	file := kustomization(t.tree, dir)
	if file == "" || t.open[dir] || t.left == 0 {
		return objects
	}
	t.left--
	t.open[dir] = true
	defer delete(t.open, dir)
	roots := t.documents(file)
	if len(roots) == 0 || roots[0].Kind != yaml.MappingNode {
		return objects
	}
	s := sheet{dir: dir, file: file, root: roots[0]}
	t.sheets = append(t.sheets, s)
	for _, key := range []string{"resources", "bases"} {
		for _, entry := range entries(s.root, key) {
			objects = append(objects, t.resource(path.Join(dir, entry.Value))...)
		}
	}
	for _, entry := range entries(s.root, "components") {
		objects = t.kustomize(path.Join(dir, entry.Value), objects)
	}
	for _, kind := range []string{"ConfigMap", "Secret"} {
		for _, entry := range entries(s.root, strings.ToLower(kind[:1])+kind[1:]+"Generator") {
			if behavior := text(entry, "behavior"); behavior == "merge" || behavior == "replace" {
				continue // of an object that is there already
			}
			objects = append(objects, &origin{apiVersion: "v1", kind: kind, names: []string{text(entry, "name")}, hashed: true,
				layers: []layer{{file: file, find: generated(entry)}}})
		}
	}
	t.patches(s, objects)
	prefix, suffix := text(s.root, "namePrefix"), text(s.root, "nameSuffix")
	for _, o := range objects {
		o.layers = append(o.layers, layer{file: file, find: settings(s.root, o)})
		o.names = append(o.names, prefix+o.name()+suffix)
	}
	return objects
}

func (t *trail) resource(p string) []*origin {
	if info, err := fs.Stat(t.tree, p); err == nil && info.IsDir() {
		return t.kustomize(p, nil)
	}
	return t.file(p)
}

// patches lays a kustomization's patches over its objects.
func (t *trail) patches(s sheet, objects []*origin) {
	for _, entry := range entries(s.root, "patchesStrategicMerge") {
		t.patch(s, entry, nil, objects)
	}
	for _, key := range []string{"patches", "patchesJson6902"} {
		for _, entry := range entries(s.root, key) {
			_, target := child(entry, "target")
			for _, source := range []string{"path", "patch"} {
				if _, v := child(entry, source); v != nil {
					t.patch(s, v, target, objects)
				}
			}
		}
	}
}

// patch lays one over the objects it is for. at holds its file's name, or the patch.
func (t *trail) patch(s sheet, at, target *yaml.Node, objects []*origin) {
	l := layer{file: s.file}
	var roots []*yaml.Node
	if strings.Contains(at.Value, "\n") {
		var exact bool
		if l.down, l.right, exact = t.writtenOut(s.file, at); !exact {
			return
		}
		var err error
		if roots, err = parseNodes([]byte(at.Value)); err != nil {
			wrong := strategies.BadYAML(s.file, err)
			wrong.Line, wrong.Col = wrong.Line+l.down, wrong.Col+l.right
			t.broken = append(t.broken, wrong)
			return
		}
	} else {
		l.file = path.Join(s.dir, at.Value)
		roots = t.documents(l.file)
	}
	for _, root := range roots {
		l.find = fieldsOf(root)
		if root.Kind == yaml.SequenceNode {
			l.find = operations(root)
			t.operationNames(l, root)
		}
		kind, name := text(root, "kind"), text(root, "metadata", "name")
		alone := target == nil && root.Kind == yaml.MappingNode
		for _, o := range objects {
			if target != nil && o.isTarget(target) || alone && o.called(kind, name) {
				o.layers = append(o.layers, l)
			}
		}
		if alone && !slices.ContainsFunc(objects, func(o *origin) bool { return o.called(kind, name) }) {
			line, col := position(fieldNodes(root, "metadata", "name"))
			t.idle = append(t.idle, idle{kind, name, l.file, line + l.down, col + l.right})
		}
	}
}

// operationNames notes those of a JSON patch that there are none of.
func (t *trail) operationNames(l layer, list *yaml.Node) {
	known := []string{"add", "remove", "replace", "move", "copy", "test"}
	for _, entry := range list.Content {
		if _, op := child(entry, "op"); op != nil && !slices.Contains(known, op.Value) {
			t.broken = append(t.broken, &strategies.Mistake{Path: l.file, Line: op.Line + l.down, Col: op.Column + l.right,
				Err: fmt.Errorf("a JSON patch has no operation %q", op.Value), Fix: "write one of " + strings.Join(known, ", ")})
		}
	}
}

// writtenOut tells where a literal block stands in its file. exact is false when its
// lines are not found there as they are.
func (t *trail) writtenOut(file string, n *yaml.Node) (down, right int, exact bool) {
	src, err := fs.ReadFile(t.tree, file)
	if err != nil || n.Style&yaml.LiteralStyle == 0 {
		return 0, 0, false
	}
	lines := strings.Split(string(src), "\n")
	right = -1
	for i, want := range strings.Split(strings.TrimRight(n.Value, "\n"), "\n") {
		if strings.TrimSpace(want) == "" {
			continue
		}
		if n.Line+i >= len(lines) {
			return 0, 0, false
		}
		indent, same := strings.CutSuffix(strings.TrimRight(lines[n.Line+i], "\r"), want)
		if !same || strings.Trim(indent, " ") != "" || right >= 0 && len(indent) != right {
			return 0, 0, false
		}
		right = len(indent)
	}
	return n.Line, max(right, 0), right >= 0
}

func (o *origin) name() string { return o.names[len(o.names)-1] }

// called tells whether an object has the name now, or had it in a base.
func (o *origin) called(kind, name string) bool {
	return kind == o.kind && slices.Contains(o.names, name)
}

// isTarget tells whether a patch's target is this object. One that selects by labels is
// not followed.
func (o *origin) isTarget(target *yaml.Node) bool {
	known := 0
	for _, field := range []string{"kind", "name", "group", "version"} {
		if _, v := child(target, field); v != nil {
			known++
		}
	}
	if target.Kind != yaml.MappingNode || known*2 != len(target.Content) {
		return false
	}
	is := func(field string, values ...string) bool {
		_, v := child(target, field)
		if v == nil || v.Value == "" {
			return true
		}
		whole, err := regexp.Compile("^(?:" + v.Value + ")$")
		return err == nil && slices.ContainsFunc(values, whole.MatchString)
	}
	return is("kind", o.kind) && is("name", o.names...)
}

// hash is what kustomize puts behind the name of generated config.
var hash = regexp.MustCompile(`^-[2456789bcdfghkmt]{10}$`)

// rendered tells whether an object is called so when it is rendered.
func (o *origin) rendered(p *strategies.Place) bool {
	if o.kind != p.Kind || p.APIVersion != "" && o.apiVersion != p.APIVersion {
		return false
	}
	rest, ok := strings.CutPrefix(p.Name, o.name())
	return ok && (rest == "" || o.hashed && hash.MatchString(rest))
}
