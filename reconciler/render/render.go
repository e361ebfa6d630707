// Package render turns a directory of a commit into the objects it describes.
//
// It reads from a file system that is a commit's tree, never from a disk, starts no
// process and asks no network: what a kustomization refers to must be in the same
// commit.
package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/kexal/kexal/strategies"
)

// RolloutFile is the file that makes a directory a rollout.
const RolloutFile = "rollout.yaml"

const (
	maxFiles = 10_000
	maxBytes = 64 << 20 // of one tree, in memory while it is built
)

// A Commit is a tree that is rendered from more than once: what kustomize builds from is
// copied out of it once.
type Commit struct {
	fs.FS
	once sync.Once
	disk filesys.FileSystem
	err  error
}

// Find lists the directories at or below the roots that hold a rollout.yaml, sorted. A
// root that is not there is a mistake, beside which the others are found.
func Find(tree fs.FS, roots []string) ([]string, error) {
	var dirs []string
	var mistakes strategies.Mistakes
	for _, root := range roots {
		root = path.Clean(root)
		err := fs.WalkDir(tree, root, func(p string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !e.IsDir() && e.Name() == RolloutFile {
				dirs = append(dirs, path.Dir(p))
			}
			return nil
		})
		if errors.Is(err, fs.ErrNotExist) {
			mistakes = append(mistakes, &strategies.Mistake{Path: root, Err: errors.New("there is no such directory in the commit"), Fix: "mend --path, or add it"})
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(dirs)
	dirs = slices.Compact(dirs)
	if len(mistakes) > 0 {
		return dirs, mistakes
	}
	return dirs, nil
}

// Objects renders a directory: its kustomization, else every YAML file in it (SPEC
// 1.3), without rollout.yaml. Faults of the repository are returned as
// [strategies.Mistakes].
func Objects(tree fs.FS, dir string) ([]*unstructured.Unstructured, error) {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		if _, err := fs.Stat(tree, path.Join(dir, name)); err == nil {
			return build(tree, dir, path.Join(dir, name))
		}
	}
	if _, err := fs.Stat(tree, path.Join(dir, "Chart.yaml")); err == nil {
		return nil, strategies.Mistakes{{Path: path.Join(dir, "Chart.yaml"), Err: errors.New("Helm charts are not read by this version of kexal"), Fix: "render it to plain YAML, or use kustomize"}}
	}
	return plain(tree, dir)
}

// plain reads every YAML file of the directory, and none of its sub-directories.
func plain(tree fs.FS, dir string) ([]*unstructured.Unstructured, error) {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	var mistakes strategies.Mistakes
	for _, e := range entries {
		ext := path.Ext(e.Name())
		if e.IsDir() || e.Name() == RolloutFile || ext != ".yaml" && ext != ".yml" {
			continue
		}
		p := path.Join(dir, e.Name())
		src, err := fs.ReadFile(tree, p)
		if err != nil {
			return nil, err
		}
		found, mistake := parse(p, src)
		if mistake != nil {
			mistakes = append(mistakes, mistake)
		}
		objects = append(objects, found...)
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return objects, nil
}

// parse reads the documents of one file, with their positions.
func parse(p string, src []byte) ([]*unstructured.Unstructured, *strategies.Mistake) {
	var objects []*unstructured.Unstructured
	dec := yaml.NewDecoder(bytes.NewReader(src))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, &strategies.Mistake{Path: p, Line: lineOf(err), Err: fmt.Errorf("not valid YAML: %w", err), Fix: "mend the syntax on that line"}
		}
		if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
			continue
		}
		root := doc.Content[0]
		text, err := yaml.Marshal(root)
		if err != nil {
			return nil, &strategies.Mistake{Path: p, Line: root.Line, Err: err}
		}
		o := &unstructured.Unstructured{}
		if err := decode(text, o); err != nil {
			return nil, &strategies.Mistake{Path: p, Line: root.Line, Err: err, Fix: "write one Kubernetes object"}
		}
		if o.GetKind() == "" || o.GetAPIVersion() == "" || o.GetName() == "" {
			return nil, &strategies.Mistake{Path: p, Line: root.Line, Col: root.Column, Err: errors.New("this is no Kubernetes object"), Fix: "give it apiVersion, kind and metadata.name, or move it to another directory"}
		}
		objects = append(objects, o)
	}
}

// decode reads an object by way of Kubernetes' own JSON, which keeps whole numbers
// whole.
func decode(text []byte, into *unstructured.Unstructured) error {
	asJSON, err := k8syaml.YAMLToJSONStrict(text) // a key that is written twice is a mistake
	if err != nil {
		return err
	}
	return json.Unmarshal(asJSON, &into.Object)
}

func lineOf(err error) int {
	line := 0
	if _, rest, ok := strings.Cut(err.Error(), "line "); ok {
		_, _ = fmt.Sscanf(rest, "%d", &line)
	}
	return line
}

// kustomize keeps its OpenAPI schema in a global, so builds take turns.
var turn sync.Mutex

func build(tree fs.FS, dir, file string) ([]*unstructured.Unstructured, error) {
	if mistakes := local(tree, dir, map[string]bool{}); len(mistakes) > 0 {
		return nil, mistakes
	}
	commit, shared := tree.(*Commit)
	if !shared {
		commit = &Commit{FS: tree}
	}
	commit.once.Do(func() { commit.disk, commit.err = inMemory(commit.FS) })
	if commit.err != nil {
		return nil, strategies.Mistakes{{Path: file, Err: commit.err, Fix: "give the rollouts a repository of their own"}}
	}
	turn.Lock()
	defer turn.Unlock()
	options := krusty.MakeDefaultOptions()
	// A base may lie beside the directory; the file system is the commit, so nothing
	// outside the repository can be reached.
	options.LoadRestrictions = types.LoadRestrictionsNone
	result, err := run(krusty.MakeKustomizer(options), commit.disk, path.Join("/", dir))
	if err != nil {
		text := strings.ReplaceAll(err.Error(), "'/", "'")
		return nil, strategies.Mistakes{{Path: file, Err: fmt.Errorf("kustomize: %s", text), Fix: "try `kubectl kustomize " + dir + "`"}}
	}
	var objects []*unstructured.Unstructured
	for _, r := range result.Resources() {
		m, err := r.Map()
		if err != nil {
			return nil, fmt.Errorf("kustomize: %s: %w", r.CurId(), err)
		}
		text, err := k8syaml.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("kustomize: %s: %w", r.CurId(), err)
		}
		o := &unstructured.Unstructured{}
		if err := decode(text, o); err != nil {
			return nil, fmt.Errorf("kustomize: %s: %w", r.CurId(), err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// run keeps a kustomization that kustomize panics on from ending the agent: it is a
// mistake like any other.
func run(k *krusty.Kustomizer, disk filesys.FileSystem, dir string) (result resmap.ResMap, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%v", fault)
		}
	}()
	return k.Run(disk, dir)
}

// local holds a kustomization to what this commit has: kustomize would fetch anything
// else by itself, with a process or over the network. So that nothing slips by, it is
// a list of what is read, not of what is refused: a field that is not in it, and a
// path that is not in the commit, is a mistake.
func local(tree fs.FS, dir string, seen map[string]bool) strategies.Mistakes {
	if seen[dir] {
		return nil
	}
	seen[dir] = true
	l := &locality{tree: tree, dir: dir, seen: seen}
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		l.file = path.Join(dir, name)
		src, err := fs.ReadFile(tree, l.file)
		if err != nil {
			continue
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(src, &doc); err != nil {
			l.mistakes = append(l.mistakes, &strategies.Mistake{Path: l.file, Line: lineOf(err), Err: fmt.Errorf("not valid YAML: %w", err), Fix: "mend the syntax on that line"})
			continue
		}
		if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
			continue // kustomize says so
		}
		l.aliases(&doc)
		fields := doc.Content[0].Content
		for i := 0; i+1 < len(fields); i += 2 {
			l.field(fields[i], fields[i+1])
		}
	}
	return l.mistakes
}

type locality struct {
	tree      fs.FS
	dir, file string
	seen      map[string]bool
	mistakes  strategies.Mistakes
}

func (l *locality) fault(n *yaml.Node, fix, format string, args ...any) {
	l.mistakes = append(l.mistakes, &strategies.Mistake{Path: l.file, Line: n.Line, Col: n.Column, Err: fmt.Errorf(format, args...), Fix: fix})
}

// aliases could name what is fetched where nobody looks.
func (l *locality) aliases(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		l.fault(n, "write the value out", "aliases are not read here")
	}
	for _, c := range n.Content {
		l.aliases(c)
	}
}

func (l *locality) field(key, value *yaml.Node) {
	switch key.Value {
	case "apiVersion", "kind", "metadata", "namespace", "namePrefix", "nameSuffix", "commonLabels", "labels", "commonAnnotations",
		"images", "imageTags", "replicas", "generatorOptions", "vars", "sortOptions", "buildMetadata":
		// they name no file
	case "resources", "bases", "components", "crds", "configurations", "patchesStrategicMerge":
		for _, entry := range value.Content {
			if key.Value == "patchesStrategicMerge" && strings.Contains(entry.Value, "\n") {
				continue // written out
			}
			l.target(strings.TrimSuffix(key.Value, "s"), entry)
		}
	case "patches", "patchesJson6902", "replacements":
		for _, entry := range value.Content {
			each(entry, func(k, v *yaml.Node) {
				if strings.EqualFold(k.Value, "path") {
					l.target("patch", v)
				}
			})
		}
	case "configMapGenerator", "secretGenerator":
		for _, entry := range value.Content {
			each(entry, func(k, v *yaml.Node) {
				switch strings.ToLower(k.Value) {
				case "env":
					l.target("file", v)
				case "envs", "files":
					for _, f := range v.Content {
						_, file, named := strings.Cut(f.Value, "=")
						if !named {
							file = f.Value
						}
						l.target("file", &yaml.Node{Kind: f.Kind, Tag: f.Tag, Value: file, Line: f.Line, Column: f.Column})
					}
				}
			})
		}
	default:
		l.fault(key, "remove it", "kexal does not read %q of a kustomization", key.Value)
	}
}

func each(n *yaml.Node, do func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		do(n.Content[i], n.Content[i+1])
	}
}

// target is a path that kustomize would load: it must be in the commit.
func (l *locality) target(what string, n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!binary" {
		l.fault(n, "write a path", "this is no path")
		return
	}
	if isRemote(n.Value) {
		l.fault(n, "keep a copy of it in the repository", "%q is outside this repository", n.Value)
		return
	}
	at := path.Join(l.dir, n.Value)
	info, err := fs.Stat(l.tree, at)
	if err != nil {
		l.fault(n, "add it; nothing is fetched from elsewhere", "%s %q is not in this commit", what, n.Value)
		return
	}
	if info.IsDir() {
		l.mistakes = append(l.mistakes, local(l.tree, at, l.seen)...)
	}
}

// isRemote: what has a scheme, a user or a host. A file of such a name is refused too:
// where it does not parse, kustomize would clone it.
func isRemote(s string) bool {
	return strings.ContainsAny(s, ":@") || strings.HasPrefix(strings.ToLower(strings.TrimSpace(s)), "github.com")
}

// inMemory copies the commit's YAML and configuration files for kustomize, whose file
// system interface wants more than a tree can give.
func inMemory(tree fs.FS) (filesys.FileSystem, error) {
	disk := filesys.MakeFsInMemory()
	files, bytes := 0, 0
	err := fs.WalkDir(tree, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if !e.Type().IsRegular() {
			return nil // links and submodules: kustomize will say that they are not there
		}
		src, err := fs.ReadFile(tree, p)
		if err != nil {
			return nil // too large for a manifest; likewise
		}
		files, bytes = files+1, bytes+len(src)
		if files > maxFiles || bytes > maxBytes {
			return fmt.Errorf("the commit is too large to render: at most %d files of %d MiB together", maxFiles, maxBytes>>20)
		}
		return disk.WriteFile("/"+p, src)
	})
	return disk, err
}
