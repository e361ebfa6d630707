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

// Find lists the directories at or below the roots that hold a rollout.yaml, sorted. A
// root that is not there is a mistake.
func Find(tree fs.FS, roots []string) ([]string, error) {
	var dirs []string
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
			return nil, &strategies.Mistake{Path: root, Err: errors.New("there is no such directory in the commit"), Fix: "mend --path, or add it"}
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs), nil
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
	asJSON, err := k8syaml.YAMLToJSON(text)
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
	disk, err := inMemory(tree)
	if err != nil {
		return nil, err
	}
	turn.Lock()
	defer turn.Unlock()
	options := krusty.MakeDefaultOptions()
	// A base may lie beside the directory; the file system is the commit, so nothing
	// outside the repository can be reached.
	options.LoadRestrictions = types.LoadRestrictionsNone
	result, err := krusty.MakeKustomizer(options).Run(disk, path.Join("/", dir))
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

// local refuses a kustomization that refers to anything outside the commit: kustomize
// would fetch it by itself, with a process or over the network. One that is written
// badly is left to kustomize, whose words are better.
func local(tree fs.FS, dir string, seen map[string]bool) strategies.Mistakes {
	if seen[dir] {
		return nil
	}
	seen[dir] = true
	var mistakes strategies.Mistakes
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		p := path.Join(dir, name)
		src, err := fs.ReadFile(tree, p)
		if err != nil {
			continue
		}
		var doc yaml.Node
		if yaml.Unmarshal(src, &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
			continue
		}
		fields := doc.Content[0].Content
		for i := 0; i+1 < len(fields); i += 2 {
			key, value := fields[i].Value, fields[i+1]
			mistakes = append(mistakes, remote(p, value)...)
			if key != "resources" && key != "bases" && key != "components" {
				continue
			}
			for _, entry := range value.Content {
				target := path.Join(dir, entry.Value)
				info, err := fs.Stat(tree, target)
				switch {
				case err != nil && !isRemote(entry.Value):
					mistakes = append(mistakes, &strategies.Mistake{Path: p, Line: entry.Line, Col: entry.Column,
						Err: fmt.Errorf("%s %q is not in this commit", strings.TrimSuffix(key, "s"), entry.Value), Fix: "add it; nothing is fetched from elsewhere"})
				case err == nil && info.IsDir():
					mistakes = append(mistakes, local(tree, target, seen)...)
				}
			}
		}
	}
	return mistakes
}

// remote finds strings that kustomize would fetch.
func remote(p string, n *yaml.Node) strategies.Mistakes {
	var mistakes strategies.Mistakes
	if n.Kind == yaml.ScalarNode && isRemote(n.Value) {
		mistakes = append(mistakes, &strategies.Mistake{Path: p, Line: n.Line, Col: n.Column,
			Err: fmt.Errorf("%q is outside this repository", n.Value), Fix: "keep a copy of it in the repository"})
	}
	for _, c := range n.Content {
		mistakes = append(mistakes, remote(p, c)...)
	}
	return mistakes
}

func isRemote(s string) bool {
	if strings.ContainsAny(s, " \n\t{") {
		return false // a patch or a literal, not a reference
	}
	return strings.Contains(s, "://") || strings.HasPrefix(s, "git@") || strings.HasPrefix(s, "github.com")
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
