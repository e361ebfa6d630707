// Package render turns a directory of a commit into the objects it describes.
//
// It reads from a file system that is a commit's tree, never from a disk, starts no
// process and asks no network: what a kustomization refers to must be in the same
// commit.
package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
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
	if file := kustomization(tree, dir); file != "" {
		return build(tree, dir, file)
	}
	if _, err := fs.Stat(tree, path.Join(dir, "Chart.yaml")); err == nil {
		return nil, strategies.Mistakes{{Path: path.Join(dir, "Chart.yaml"), Line: 1, Col: 1, Err: errors.New("Helm charts are not read by this version of kexal"), Fix: "render it to plain YAML, or use kustomize"}}
	}
	return plain(tree, dir)
}

// kustomizationNames are those that kustomize reads.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// kustomization is the file that makes one of a directory; empty when there is none.
func kustomization(tree fs.FS, dir string) string {
	for _, name := range kustomizationNames {
		if _, err := fs.Stat(tree, path.Join(dir, name)); err == nil {
			return path.Join(dir, name)
		}
	}
	return ""
}

// isManifest tells what is read of a plain directory (SPEC 1.3).
func isManifest(e fs.DirEntry) bool {
	ext := path.Ext(e.Name())
	return !e.IsDir() && e.Name() != RolloutFile && (ext == ".yaml" || ext == ".yml")
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
		if !isManifest(e) {
			continue
		}
		p := path.Join(dir, e.Name())
		src, err := fs.ReadFile(tree, p)
		if err != nil {
			mistakes = append(mistakes, Unreadable(p, err))
			continue
		}
		found, wrong := parse(p, src)
		mistakes = append(mistakes, wrong...)
		objects = append(objects, found...)
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return objects, nil
}

// parse reads the objects of one file.
func parse(p string, src []byte) (objects []*unstructured.Unstructured, mistakes strategies.Mistakes) {
	roots, err := parseNodes(src)
	if err != nil {
		return nil, strategies.Mistakes{strategies.BadYAML(p, err)}
	}
	for _, root := range roots {
		if wrong := malformed(p, root); wrong != nil {
			mistakes = append(mistakes, wrong)
			continue
		}
		text, err := yaml.Marshal(root)
		o := &unstructured.Unstructured{}
		if err == nil {
			err = decode(text, o)
		}
		if err != nil {
			mistakes = append(mistakes, &strategies.Mistake{Path: p, Line: root.Line, Col: root.Column, Err: err, Fix: "write one Kubernetes object"})
			continue
		}
		objects = append(objects, o)
	}
	return objects, mistakes
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
		return nil, strategies.Mistakes{{Path: file, Line: 1, Col: 1, Err: commit.err, Fix: "give the rollouts a repository of their own"}}
	}
	turn.Lock()
	defer turn.Unlock()
	options := krusty.MakeDefaultOptions()
	// A base may lie beside the directory; the file system is the commit, so nothing
	// outside the repository can be reached.
	options.LoadRestrictions = types.LoadRestrictionsNone
	result, err := run(krusty.MakeKustomizer(options), commit.disk, path.Join("/", dir))
	if err != nil {
		return nil, blame(tree, dir, err)
	}
	var objects []*unstructured.Unstructured
	for _, r := range result.Resources() {
		o := &unstructured.Unstructured{}
		m, err := r.Map()
		if err == nil {
			var text []byte
			if text, err = k8syaml.Marshal(m); err == nil {
				err = decode(text, o)
			}
		}
		if err != nil {
			return nil, blame(tree, dir, fmt.Errorf("%s %s: %w", r.GetKind(), r.GetName(), err))
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
