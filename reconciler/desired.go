package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/reconciler/render"
	"github.com/kexal/kexal/strategies"
)

// desired is what the followed commit says about one rollout.
type desired struct {
	dir     string
	spec    strategies.Spec
	release *release.Release // nil when err is set
	source  strategies.Source
	seen    string // digest of all that was rendered
	err     error  // why it cannot be acted on
}

// poll follows the mirror until ctx ends.
func (r *Reconciler) poll(ctx context.Context) {
	failing := false
	for {
		commit, moved, err := r.Source.Poll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			// What runs goes on with what was verified last.
			r.Log.Error().Err(err).Msg("the mirror cannot be read; what runs goes on")
			failing = true
		default:
			if failing {
				r.Log.Info().Msg("the mirror can be read again")
				failing = false
			}
			if moved {
				r.Log.Info().Str("commit", commit.Hash).Str("subject", commit.Subject).Msg("following")
				r.take(commit)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.Interval):
		}
	}
}

// take renders a commit and wakes every rollout.
func (r *Reconciler) take(c Commit) {
	dirs, err := render.Find(c.Tree, r.Paths)
	if err != nil {
		r.Log.Error().Err(err).Str("commit", c.Hash).Msg("held")
		return
	}
	found := map[string]*desired{}
	paths := map[string]string{}
	for _, dir := range dirs {
		name, d := r.read(c, dir)
		if d == nil {
			continue
		}
		if other := found[name]; other != nil {
			both := fmt.Errorf("%s and %s are both rollout %s: rename one of them", path.Join(other.dir, render.RolloutFile), path.Join(dir, render.RolloutFile), name)
			other.err, other.release = both, nil
			continue
		}
		found[name], paths[dir] = d, name
	}
	r.mu.Lock()
	gone := r.desired
	r.desired, r.paths, r.polled = found, paths, true
	r.mu.Unlock()
	for name := range gone {
		r.queue.Add(name)
	}
	r.wake("")
}

// read is one directory of a commit. It gives nil for somebody else's rollout (SPEC 1.1).
func (r *Reconciler) read(c Commit, dir string) (name string, d *desired) {
	file := path.Join(dir, render.RolloutFile)
	d = &desired{dir: dir, source: strategies.Source{Branch: r.Branch, Path: dir, Commit: c.Hash, Subject: c.Subject, Author: c.Author}}
	src, err := fs.ReadFile(c.Tree, file)
	if err != nil {
		d.err = err
		return r.lastName(dir, nil), d
	}
	rollout, err := strategies.Decode(file, src)
	if rollout.Namespace != "" && rollout.Namespace != r.Namespace {
		r.Log.Info().Str("file", file).Str("namespace", rollout.Namespace).Msg("it is for another namespace: skipped")
		return "", nil
	}
	if name = rollout.Name; name == "" {
		name = r.lastName(dir, src)
	}
	if err == nil {
		err = validName(file, name)
	}
	d.spec = rollout.Spec
	if err != nil {
		d.err = err
		return name, d
	}
	objects, err := render.Objects(c.Tree, dir)
	if err != nil {
		d.err = err
		return name, d
	}
	d.seen = release.Digest(objects, src)
	d.release, d.err = release.Read(dir, name, r.Namespace, rollout.Spec, objects)
	return name, d
}

// lastName is whose a directory is when its rollout.yaml names nobody: what the text
// still says, what it was called before, or the directory's name.
func (r *Reconciler) lastName(dir string, src []byte) string {
	var rough struct {
		Metadata struct {
			Name string `yaml:"name"`
		} `yaml:"metadata"`
	}
	if yaml.Unmarshal(src, &rough) == nil && rough.Metadata.Name != "" {
		return rough.Metadata.Name
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
func validName(file, name string) error {
	ok := len(name) > 0 && len(name) <= 40 && name[0] != '-' && name[len(name)-1] != '-'
	for _, b := range []byte(name) {
		ok = ok && (b == '-' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z')
	}
	if ok {
		return nil
	}
	return &strategies.Mistake{Path: file, Err: fmt.Errorf("%q cannot name a rollout", name), Fix: "set metadata.name to at most 40 small letters, digits and dashes"}
}

// wanted is what Git asks for, as Decide sees it.
func (d *desired) wanted() *strategies.Wanted {
	return &strategies.Wanted{
		Track: d.release.Track(d.source.Commit), Replicas: d.release.Replicas, Source: d.source, Seen: d.seen, Digest: release.DigestVersion,
	}
}

var errRemoved = errors.New("rollout.yaml is removed from Git; objects kept")
