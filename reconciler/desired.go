package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/reconciler/render"
	"github.com/kexal/kexal/strategies"
)

// desired is what the followed commit says about one rollout.
type desired struct {
	dir     string
	tree    fs.FS // of the commit, to find the place of a mistake in
	spec    strategies.Spec
	release *release.Release // nil when err is set
	source  strategies.Source
	seen    string // digest of all that was rendered
	err     error  // why it cannot be acted on
}

// poll follows the mirror until ctx ends.
func (r *Reconciler) poll(ctx context.Context) {
	for {
		r.Poll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.Interval):
		}
	}
}

// Poll asks the mirror once, and takes its commit when it moved. What runs goes on with
// what was verified last, whatever comes of it.
func (r *Reconciler) Poll(ctx context.Context) {
	commit, moved, err := r.Source.Poll(ctx)
	if ctx.Err() != nil {
		return
	}
	if err == nil && (moved || r.again) {
		r.Log.Info().Str("commit", commit.Hash).Str("subject", commit.Subject).Msg("following")
		err = r.take(commit)
		r.again = err != nil
	}
	r.meetMirror(err)
	r.heedClock()
}

// take renders a commit and wakes every rollout. It fails when the commit cannot be
// read: then it is taken again at the next poll.
func (r *Reconciler) take(c Commit) error {
	plain := c.Tree
	c.Tree = &render.Commit{FS: plain}
	dirs, err := render.Find(c.Tree, r.Paths)
	var mistakes strategies.Mistakes
	var unfollowed []strategies.Problem
	switch {
	case errors.As(err, &mistakes):
		r.Log.Error().Err(err).Str("commit", c.Hash).Msg("a --path is not there; the others are followed")
		unfollowed = strategies.Problems(err)
	case err != nil:
		return &strategies.Trouble{Reason: strategies.Unusable, Problem: strategies.Problem{
			Message: fmt.Sprintf("commit %.10s of branch %s cannot be read: %v", c.Hash, r.Branch, err),
			Fix:     "see with git fsck whether the mirror has all of it",
		}}
	}
	found := map[string]*desired{}
	paths := map[string]string{}
	dirsOf := map[string][]*desired{} // by rollout; more than one is a mistake
	for _, dir := range dirs {
		name, d := r.read(c, dir)
		if d == nil {
			paths[dir] = "" // somebody else's; so it stays while it cannot be read
			continue
		}
		d.tree = plain // the copy that kustomize builds from goes with this commit
		if err := validName(name); err != nil {
			// No object can be called so, and no status told under it: what else is wrong
			// there has no other place to be told.
			problems := strategies.Problems(d.placed(err))
			if d.err != nil {
				problems = append(problems, strategies.Problems(d.err)...)
			}
			for _, p := range problems {
				if p.Path == "" {
					p.Path = path.Join(dir, render.RolloutFile)
				}
				r.Log.Error().Str("commit", c.Hash).Msg("held: " + p.String())
				unfollowed = append(unfollowed, p)
			}
			continue
		}
		paths[dir] = name
		dirsOf[name] = append(dirsOf[name], d)
		found[name] = d
	}
	for name, ds := range dirsOf {
		if len(ds) > 1 { // SPEC 1.2
			found[name].err, found[name].release = sameName(name, ds), nil
		}
	}
	r.mu.Lock()
	gone := r.desired
	r.desired, r.paths, r.polled = found, paths, true
	r.mu.Unlock()
	r.follows(unfollowed)
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		r.queue.Add(name)
	}
	r.wake("")
	return nil
}

// read is one directory of a commit. It gives nil for somebody else's rollout (SPEC 1.1).
func (r *Reconciler) read(c Commit, dir string) (name string, d *desired) {
	file := path.Join(dir, render.RolloutFile)
	d = &desired{dir: dir, tree: c.Tree, source: strategies.Source{Branch: r.Branch, Path: dir, Commit: c.Hash, Subject: c.Subject, Author: c.Author}}
	src, err := fs.ReadFile(c.Tree, file)
	if err != nil {
		d.err = render.Unreadable(file, err)
		return r.lastName(dir, nil), d
	}
	rollout, err := strategies.Decode(file, src)
	if r.elsewhere(dir, src, rollout, err) {
		r.Log.Info().Str("file", file).Msg("it is for another namespace: skipped")
		return "", nil
	}
	if name = rollout.Name; name == "" {
		name = r.lastName(dir, src)
	}
	d.spec = rollout.Spec
	for _, w := range rollout.Warnings {
		r.Log.Warn().Str("commit", c.Hash).Msgf("%s:%d:%d: %s", file, w.Line, w.Col, w.Message)
	}
	if err == nil {
		err = rollout.Refuse(strategies.Routers, strategies.Measurements)
	}
	if err != nil {
		d.err, d.seen = err, release.Digest(nil, src)
		return name, d
	}
	objects, err := render.Objects(c.Tree, dir, render.From{Material: d.spec.Material, Name: name, Namespace: r.Namespace})
	if err != nil {
		d.err, d.seen = d.placed(err), release.Digest(nil, append(src, err.Error()...))
		return name, d
	}
	d.seen = release.Digest(objects, src)
	d.release, err = release.Read(dir, name, r.Namespace, rollout.Spec, objects)
	d.err = d.placed(err)
	return name, d
}

// placed gives the mistakes in an error their places in the commit; nil stays nil. It
// reads the files of the directory again, and so is only for what went wrong.
func (d *desired) placed(err error) error {
	var no *cluster.Refusal
	if errors.As(err, &no) {
		err = no.Mistake()
	}
	if d == nil || err == nil {
		return err
	}
	return render.Locate(d.tree, d.dir, d.spec.Material, err)
}

// metadata is what can be read of a file that cannot be decoded.
type metadata struct{ Name, Namespace string }

func roughly(src []byte) metadata {
	var file struct{ Metadata metadata }
	if yaml.Unmarshal(src, &file) != nil {
		return metadata{}
	}
	return file.Metadata
}

// elsewhere tells that a rollout is for another namespace (SPEC 1.1). Of a file that
// cannot be decoded it is what the text still says, or what it was before: a mistake of
// somebody else holds up nobody here.
func (r *Reconciler) elsewhere(dir string, src []byte, rollout strategies.Rollout, err error) bool {
	namespace := rollout.Namespace
	if err != nil && namespace == "" {
		namespace = roughly(src).Namespace
	}
	if err != nil && namespace == "" {
		r.mu.Lock()
		defer r.mu.Unlock()
		was, known := r.paths[dir]
		return known && was == ""
	}
	return namespace != "" && namespace != r.Namespace
}

// lastName is whose a directory is when its rollout.yaml names nobody: what the text
// still says, what it was called before, or the directory's name.
func (r *Reconciler) lastName(dir string, src []byte) string {
	if name := roughly(src).Name; name != "" {
		return name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if name := r.paths[dir]; name != "" {
		return name
	}
	return path.Base(dir)
}

// validName: a DNS label of at most 40 characters, so that colours and states have room
// for theirs (SPEC 1.2).
func validName(name string) error {
	ok := len(name) > 0 && len(name) <= 40 && name[0] != '-' && name[len(name)-1] != '-'
	for _, b := range []byte(name) {
		ok = ok && (b == '-' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z')
	}
	if ok {
		return nil
	}
	return &strategies.Mistake{At: nameField, Err: fmt.Errorf("%q cannot name a rollout", name), Fix: "set metadata.name to at most 40 small letters, digits and dashes"}
}

var nameField = strategies.RolloutField("metadata", "name")

// sameName refuses rollouts of one name, all of them, each naming the others (SPEC 1.2).
func sameName(name string, ds []*desired) strategies.Mistakes {
	var all strategies.Mistakes
	for _, d := range ds {
		var others []string
		for _, other := range ds {
			if other != d {
				others = append(others, path.Join(other.dir, render.RolloutFile))
			}
		}
		err := d.placed(&strategies.Mistake{At: nameField, Err: fmt.Errorf("%s is the name of %s too", name, strings.Join(others, ", ")), Fix: "rename one of them"})
		var placed strategies.Mistakes
		if errors.As(err, &placed) {
			all = append(all, placed...)
		}
	}
	return all
}

// wanted is what Git asks for, as Decide sees it.
func (d *desired) wanted() *strategies.Wanted {
	return &strategies.Wanted{
		Track: d.release.Track(d.source.Commit), Sizes: d.release.Sizes, Source: d.source, Seen: d.seen, Digest: release.DigestVersion,
	}
}

var errRemoved = errors.New("rollout.yaml is removed from Git; objects kept")
