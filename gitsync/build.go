package gitsync

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// A builder makes commits in memory: blobs, the trees above them, the commit.
// No worktree, no index, and nothing is kept unless the server took it. The
// same changes on the same parent give the same commits, bit for bit.
type builder struct {
	base *store
	made *memory.Storage // only what is new
}

func newBuilder(base *store) *builder {
	return &builder{base: base, made: memory.NewStorage()}
}

var emptyTree = plumbing.ComputeHash(plumbing.TreeObject, nil)

// build makes the commits for changes on top of parent (zero: none). It gives
// the last of them and a pack of all that is new; parent and nil when there is
// nothing to say.
func build(base *store, parent plumbing.Hash, changes []Change) (plumbing.Hash, []byte, error) {
	root := emptyTree
	if !parent.IsZero() {
		c, err := base.commit(parent)
		if err != nil {
			return parent, nil, err
		}
		root = c.TreeHash
	}

	// Changes up to the last one that ends where the tree is already have been
	// said before: by an earlier push whose answer was lost, or by somebody else.
	scratch, tree, said := newBuilder(base), root, 0
	for i, c := range changes {
		var err error
		if tree, err = scratch.apply(tree, c); err != nil {
			return parent, nil, err
		}
		if tree == root {
			said = i + 1
		}
	}

	b, tip := newBuilder(base), parent
	tree = root
	for _, c := range changes[said:] {
		next, err := b.apply(tree, c)
		if err != nil {
			return parent, nil, err
		}
		if next == tree {
			continue
		}
		if tip, err = b.commit(tip, next, c); err != nil {
			return parent, nil, err
		}
		tree = next
	}
	if tip == parent {
		return parent, nil, nil
	}
	pack, err := b.pack()
	return tip, pack, err
}

// apply gives the tree after a change.
func (b *builder) apply(tree plumbing.Hash, c Change) (plumbing.Hash, error) {
	edits := &edit{}
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		if err := edits.add(path, c.Files[path], false); err != nil {
			return tree, err
		}
	}
	for _, path := range c.Remove {
		if err := edits.add(path, nil, true); err != nil {
			return tree, err
		}
	}
	return b.rewrite(tree, "", edits)
}

// An edit is what becomes of one name in a tree: a file is written or removed,
// or things change below it.
type edit struct {
	leaf, remove bool
	content      []byte
	below        map[string]*edit
}

func (e *edit) add(path string, content []byte, remove bool) error {
	if err := checkPath(path); err != nil || path == "." {
		return fmt.Errorf("cannot write %q: not a clean relative path", path)
	}
	for name := range strings.SplitSeq(path, "/") {
		if e.leaf {
			return fmt.Errorf("cannot write %q: part of it is a file of the same change", path)
		}
		if e.below == nil {
			e.below = map[string]*edit{}
		}
		if e.below[name] == nil {
			e.below[name] = &edit{}
		}
		e = e.below[name]
	}
	if e.leaf || e.below != nil {
		return fmt.Errorf("cannot write %q: it is in the same change twice", path)
	}
	e.leaf, e.remove, e.content = true, remove, content
	return nil
}

// rewrite gives the tree with edits, leaving every other entry as it is. The
// same tree comes back when nothing differs.
func (b *builder) rewrite(tree plumbing.Hash, at string, edits *edit) (plumbing.Hash, error) {
	entries, err := b.tree(tree)
	if err != nil {
		return tree, err
	}
	byName := make(map[string]object.TreeEntry, len(entries))
	for _, e := range entries {
		byName[e.Name] = e
	}
	if len(byName) != len(entries) {
		return tree, fmt.Errorf("%q has a name twice: repair the branch with git", at)
	}
	changed := false
	for name, ed := range edits.below {
		old, exists := byName[name]
		next, keep, err := b.become(old, exists, strings.TrimPrefix(at+"/"+name, "/"), ed)
		if err != nil {
			return tree, err
		}
		switch next.Name = name; {
		case keep && next != old:
			byName[name], changed = next, true
		case !keep && exists:
			delete(byName, name)
			changed = true
		}
	}
	if !changed {
		return tree, nil
	}
	t := &object.Tree{Entries: slices.Collect(maps.Values(byName))}
	sort.Sort(object.TreeEntrySorter(t.Entries))
	return b.put(t)
}

// become gives the entry after an edit, and whether there still is one: a
// directory without files is not kept, as in all of Git.
func (b *builder) become(old object.TreeEntry, exists bool, path string, ed *edit) (object.TreeEntry, bool, error) {
	isDir := exists && old.Mode == filemode.Dir
	if ed.leaf {
		switch {
		case isDir:
			return old, true, fmt.Errorf("cannot write %s: the branch has a directory there: remove it with git", path)
		case ed.remove:
			return old, false, nil
		}
		h, err := b.putBlob(ed.content, old.Hash)
		return object.TreeEntry{Mode: filemode.Regular, Hash: h}, true, err
	}
	below := emptyTree
	switch {
	case isDir:
		below = old.Hash
	case exists:
		return old, true, fmt.Errorf("cannot write under %s: the branch has something else than a directory there: remove it with git", path)
	}
	h, err := b.rewrite(below, path, ed)
	return object.TreeEntry{Mode: filemode.Dir, Hash: h}, h != emptyTree, err
}

func (b *builder) tree(h plumbing.Hash) ([]object.TreeEntry, error) {
	if o, err := b.made.EncodedObject(plumbing.TreeObject, h); err == nil {
		t, err := object.DecodeTree(nil, o)
		if err != nil {
			return nil, err
		}
		return t.Entries, nil
	}
	return b.base.tree(h)
}

func (b *builder) putBlob(content []byte, old plumbing.Hash) (plumbing.Hash, error) {
	if h := plumbing.ComputeHash(plumbing.BlobObject, content); h == old {
		return h, nil
	}
	return b.made.SetEncodedObject(inMemory(plumbing.BlobObject, content))
}

func (b *builder) put(o interface {
	Encode(plumbing.EncodedObject) error
}) (plumbing.Hash, error) {
	encoded := &plumbing.MemoryObject{}
	if err := o.Encode(encoded); err != nil {
		return plumbing.ZeroHash, err
	}
	return b.made.SetEncodedObject(encoded)
}

func (b *builder) commit(parent, tree plumbing.Hash, c Change) (plumbing.Hash, error) {
	if c.When.IsZero() || strings.TrimSpace(c.Message) == "" {
		return plumbing.ZeroHash, errors.New("a change needs a message and a time")
	}
	who := object.Signature{Name: oneName(c.Author, "kexal"), Email: oneName(c.Email, "kexal@localhost"), When: c.When.UTC()}
	commit := &object.Commit{
		Author:    who,
		Committer: who,
		Message:   strings.TrimRight(c.Message, "\n") + "\n",
		TreeHash:  tree,
	}
	if !parent.IsZero() {
		commit.ParentHashes = []plumbing.Hash{parent}
	}
	return b.put(commit)
}

// oneName drops what would end a name in a commit's header.
func oneName(name, otherwise string) string {
	name = oneLine(strings.Map(func(r rune) rune {
		if r == '<' || r == '>' {
			return -1
		}
		return r
	}, name))
	if name == "" {
		return otherwise
	}
	return name
}

// pack holds every object made, whole: what builds on the parent in another
// way than by naming it could not be read without it.
func (b *builder) pack() ([]byte, error) {
	hashes := slices.Collect(maps.Keys(b.made.Objects))
	plumbing.HashesSort(hashes)
	var buf bytes.Buffer
	if _, err := packfile.NewEncoder(&buf, b.made, false).Encode(hashes, 0); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
