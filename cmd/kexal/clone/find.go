package clone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Rollout is a rollout.yaml of the working tree.
type Rollout struct {
	Name      string // metadata.name, else its directory's name (SPEC 1.2)
	Namespace string // metadata.namespace; usually empty
	Dir       string // in the repository; "." is its root
	File      string // in the repository, such as "apps/web/rollout.yaml"
	Text      []byte
}

// Find is the rollout with this name, or in this directory.
func (c *Clone) Find(ctx context.Context, arg string) (Rollout, error) {
	all, err := c.Rollouts(ctx)
	if err != nil {
		return Rollout{}, err
	}
	return c.choose(all, arg)
}

// FindIn is the rollout of a tree with this name, or in this directory; without either
// it is the one where the person stands, or the only one.
func (c *Clone) FindIn(t *Tree, arg string) (Rollout, error) {
	all := t.rollouts(filepath.Base(c.Top))
	if arg != "" {
		return c.choose(all, arg)
	}
	if r, ok := c.inDirectory(all, "."); ok {
		return r, nil
	}
	if len(all) != 1 {
		return Rollout{}, fmt.Errorf("which rollout? %s", describe(all))
	}
	return all[0], nil
}

// rollouts are those of a tree, sorted by file.
func (t *Tree) rollouts(top string) (all []Rollout) {
	for file := range t.entries {
		if path.Base(file) != "rollout.yaml" {
			continue
		}
		text, unread := t.ReadFile(file)
		if unread != nil {
			text = nil // it still has its directory's name; who plans it hears why
		}
		all = append(all, named(file, text, top))
	}
	slices.SortFunc(all, func(a, b Rollout) int { return strings.Compare(a.File, b.File) })
	return all
}

// choose picks by name, else by directory.
func (c *Clone) choose(all []Rollout, arg string) (Rollout, error) {
	var named []Rollout
	for _, r := range all {
		if r.Name == arg {
			named = append(named, r)
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		if r, ok := c.inDirectory(all, arg); ok {
			return r, nil
		}
		return Rollout{}, fmt.Errorf("no rollout is called %s here: %s", arg, describe(all))
	}
	var files []string
	for _, r := range named {
		files = append(files, r.File)
	}
	return Rollout{}, fmt.Errorf("%d rollouts are called %s: %s; give the directory instead", len(named), arg, strings.Join(files, " and "))
}

func (c *Clone) inDirectory(all []Rollout, arg string) (Rollout, bool) {
	dir := arg
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(c.Here, dir)
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return Rollout{}, false
	}
	rel, err := filepath.Rel(c.Top, dir)
	if err != nil {
		return Rollout{}, false
	}
	rel = strings.TrimSuffix(filepath.ToSlash(rel), "/rollout.yaml")
	i := slices.IndexFunc(all, func(r Rollout) bool { return r.Dir == rel })
	if i < 0 {
		return Rollout{}, false
	}
	return all[i], true
}

func describe(all []Rollout) string {
	if len(all) == 0 {
		return "there is no rollout.yaml in this repository"
	}
	var names []string
	for _, r := range all {
		names = append(names, r.Name+" ("+r.Dir+")")
	}
	return "there is " + strings.Join(names, ", ")
}

// Rollouts are those of the working tree, sorted by file. New ones that nobody added
// yet are among them, ignored ones are not.
func (c *Clone) Rollouts(ctx context.Context) ([]Rollout, error) {
	out, err := c.read(ctx, "ls-files", "-z", "--full-name", "--cached", "--others", "--exclude-standard", "--", ":(top,glob)**/rollout.yaml")
	if err != nil {
		return nil, err
	}
	files := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	slices.Sort(files)
	var all []Rollout
	for _, file := range slices.Compact(files) {
		text, err := os.ReadFile(c.path(file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			return nil, err
		}
		all = append(all, named(file, text, filepath.Base(c.Top)))
	}
	return all, nil
}

func named(file string, text []byte, top string) Rollout {
	r := Rollout{Dir: path.Dir(file), File: file, Text: text}
	r.Name = path.Base(r.Dir)
	if r.Dir == "." {
		r.Name = top
	}
	// A file that cannot be read still has its directory's name; who edits it hears why.
	var doc struct {
		Metadata struct{ Name, Namespace string }
	}
	if yaml.Unmarshal(text, &doc) == nil {
		if doc.Metadata.Name != "" {
			r.Name = doc.Metadata.Name
		}
		r.Namespace = doc.Metadata.Namespace
	}
	return r
}

func (c *Clone) path(file string) string { return filepath.Join(c.Top, filepath.FromSlash(file)) }
