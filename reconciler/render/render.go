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

// From is what a directory's rollout.yaml says of its rendering.
type From struct {
	strategies.Material
	Name, Namespace string // the rollout's; a chart is told them
}

// Objects renders what a rollout names, else what its directory has: its kustomization, its
// chart, or every YAML file in it (SPEC 1.3), without rollout.yaml; and has the images pulled from
// where it says. Faults of the repository are returned as [strategies.Mistakes].
func Objects(tree fs.FS, dir string, from From) ([]*unstructured.Unstructured, error) {
	objects, err := asWritten(tree, dir, from)
	if err == nil {
		mirror(objects, from.Images)
	}
	return objects, err
}

// asWritten are the objects with the images that they name.
func asWritten(tree fs.FS, dir string, from From) ([]*unstructured.Unstructured, error) {
	switch base := path.Join(dir, from.Kustomize); {
	case from.Helm != nil:
		return templated(tree, dir, *from.Helm, from)
	case len(from.Manifests) > 0:
		files, err := matching(tree, dir, from.Manifests)
		if err != nil {
			return nil, err
		}
		return plain(tree, files)
	case kustomization(tree, base) != "":
		return build(tree, base, kustomization(tree, base))
	case from.Kustomize != "":
		return nil, inSource(fmt.Errorf("there is no kustomization in %s in this commit", base), "name the directory of one", "kustomize", "path")
	case exists(tree, path.Join(dir, chartFile)):
		return templated(tree, dir, strategies.Helm{}, from)
	}
	files, err := manifests(tree, dir)
	if err != nil {
		return nil, err
	}
	return plain(tree, files)
}

func exists(tree fs.FS, file string) bool {
	_, err := fs.Stat(tree, file)
	return err == nil
}

// inSource is a mistake in rollout.yaml's spec.source.
func inSource(err error, fix string, field ...string) error {
	return strategies.Mistakes{{At: &strategies.Place{Field: append([]string{"spec", "source"}, field...)}, Err: err, Fix: fix}}
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

// manifests are the YAML files of a plain directory, and none of its sub-directories.
func manifests(tree fs.FS, dir string) (files []string, err error) {
	entries, err := fs.ReadDir(tree, dir)
	for _, e := range entries {
		if isManifest(e) {
			files = append(files, path.Join(dir, e.Name()))
		}
	}
	return files, err
}

// matching are the files that some patterns name, each once. A pattern that names none is a
// mistake: a file was renamed, or never added.
func matching(tree fs.FS, dir string, globs []string) ([]string, error) {
	var files []string
	for _, glob := range globs {
		at := path.Join(dir, glob)
		if !fs.ValidPath(at) {
			return nil, inSource(fmt.Errorf("%q leaves the repository", glob), "name files of this repository", "manifests")
		}
		found, err := fs.Glob(tree, at)
		if err != nil {
			return nil, inSource(err, "mend the pattern", "manifests")
		}
		found = slices.DeleteFunc(found, func(file string) bool {
			info, err := fs.Stat(tree, file)
			return path.Base(file) == RolloutFile || err == nil && info.IsDir()
		})
		if len(found) == 0 {
			return nil, inSource(fmt.Errorf("%q is no file of this commit", glob), "mend it, or add the file", "manifests")
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// plain reads YAML files.
func plain(tree fs.FS, files []string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	var mistakes strategies.Mistakes
	for _, p := range files {
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
