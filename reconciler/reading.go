package reconciler

import (
	"io/fs"
	"path"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/reconciler/render"
	"github.com/kexal/kexal/strategies"
)

// A Reading is what a commit says about one rollout, for those who plan and do not act.
type Reading struct {
	Name     string
	Spec     strategies.Spec
	Release  *release.Release   // nil when there are problems
	Wanted   *strategies.Wanted // likewise
	Problems []strategies.Problem
}

// Read reads a directory of a commit as the agent of a namespace does, and says what is
// wrong with it in the same words. It gives nil for somebody else's rollout (SPEC 1.1).
func Read(s Settings, c Commit, dir string) *Reading {
	r := &Reconciler{Settings: s} // it remembers nothing, and has nobody to tell
	plain := c.Tree
	c.Tree = &render.Commit{FS: plain}
	name, d := r.read(c, dir)
	if d == nil {
		return nil
	}
	d.tree = plain
	reading := &Reading{Name: name, Spec: d.spec}
	if err := validName(name); err != nil {
		reading.Problems = strategies.Problems(d.placed(err))
	} else if twins := r.twins(c, name, d); len(twins) > 1 {
		d.err = sameName(name, twins)
	}
	if d.err != nil {
		reading.Problems = append(reading.Problems, strategies.Problems(d.err)...)
	}
	if len(reading.Problems) == 0 {
		reading.Release, reading.Wanted = d.release, d.wanted()
	}
	return reading
}

// Spans says what keeps a reading's pods from being selected together with those of
// stable, as the agent would (SPEC 5.9); nil = nothing does.
func (r *Reading) Spans(stable strategies.Track, tree fs.FS) []strategies.Problem {
	err := r.Release.Spans(stable, func(string) bool { return r.Spec.BlueGreen == nil })
	if err == nil {
		return nil
	}
	d := &desired{dir: r.Wanted.Source.Path, tree: tree}
	return strategies.Problems(d.placed(err))
}

// twins are the rollouts of one name (SPEC 1.2); of the others nothing is rendered.
func (r *Reconciler) twins(c Commit, name string, its *desired) []*desired {
	dirs, err := render.Find(c.Tree, r.Paths)
	if err != nil {
		return nil // a --path that is not there is the agent's to tell
	}
	var found []*desired
	for _, dir := range dirs {
		if dir == its.dir {
			found = append(found, its)
			continue
		}
		src, err := fs.ReadFile(c.Tree, path.Join(dir, render.RolloutFile))
		if err != nil {
			continue
		}
		rollout, err := strategies.Decode(path.Join(dir, render.RolloutFile), src)
		if r.elsewhere(dir, src, rollout, err) {
			continue
		}
		if other := rollout.Name; other == name || other == "" && r.lastName(dir, src) == name {
			found = append(found, &desired{dir: dir, tree: its.tree})
		}
	}
	return found
}
