package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/cmd/kexal/clone"
	"github.com/kexal/kexal/cmd/kexal/plan"
	"github.com/kexal/kexal/cmd/kexal/view"
	"github.com/kexal/kexal/reconciler"
	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// planned is what a plan is asked for, and what is found out for it.
type planned struct {
	where
	what            string // NAME or DIR; empty = here, or the only one
	rev, from       string
	ledger, cluster bool

	clone     *clone.Clone
	stderr    io.Writer
	rollout   clone.Rollout
	namespace string
	quotas    []corev1.ResourceQuota
}

func (in *planned) make(ctx context.Context, c *clone.Clone, stderr io.Writer) (p plan.Plan, err error) {
	in.clone, in.stderr = c, stderr
	tree, err := in.tree(ctx, in.rev)
	if err != nil {
		return p, err
	}
	defer tree.Close()
	if in.rollout, err = c.FindIn(tree, in.what); err != nil {
		return p, err
	}
	in.namespace = cmp.Or(in.access.Namespace, in.rollout.Namespace)
	f := plan.Facts{At: time.Now().UTC()}
	switch in.from {
	case "":
		err = in.fromWhatRuns(ctx, &f)
	default:
		err = in.fromCommit(ctx, &f)
	}
	if err != nil {
		return p, err
	}
	if in.namespace == "" {
		in.namespace = namespaceOf(tree, in.rollout)
	}
	next := in.side(tree)
	if next == nil {
		return p, fmt.Errorf("%s is for namespace %s, not for %s", in.rollout.File, in.rollout.Namespace, in.namespace)
	}
	f.Next, f.Name, f.Namespace = *next, next.Name, in.namespace
	for i := range in.quotas {
		f.Quotas = append(f.Quotas, shortOf(&in.quotas[i]))
	}
	return plan.Make(f)
}

func (in *planned) tree(ctx context.Context, rev string) (*clone.Tree, error) {
	if rev == "" {
		return in.clone.Worktree(ctx)
	}
	return in.clone.At(ctx, rev)
}

// side is what a tree says about the rollout; nil where it is somebody else's (SPEC 1.1).
func (in *planned) side(tree *clone.Tree) *plan.Side {
	text, err := fs.ReadFile(tree, in.rollout.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r := reconciler.Read(
		reconciler.Settings{Namespace: in.namespace, Paths: []string{"."}},
		reconciler.Commit{Hash: tree.Commit, Subject: tree.Subject, Author: tree.Author, Tree: tree},
		in.rollout.Dir)
	if r == nil {
		return nil
	}
	return &plan.Side{Reading: r, File: string(text), Path: in.rollout.File, Tree: tree}
}

// fromCommit: another commit is taken to run.
func (in *planned) fromCommit(ctx context.Context, f *plan.Facts) error {
	tree, err := in.clone.At(ctx, in.from)
	if err != nil {
		return err
	}
	defer tree.Close()
	if in.namespace == "" {
		in.namespace = namespaceOf(tree, in.rollout)
	}
	f.Record.Where = fmt.Sprintf("--from, commit %.10s", tree.Commit)
	s := in.side(tree)
	if s == nil {
		return nil // the rollout is new since then
	}
	if len(s.Problems) > 0 {
		var all []string
		for _, p := range s.Problems {
			all = append(all, p.String())
		}
		return fmt.Errorf("commit %.10s cannot be what runs:\n%s", tree.Commit, strings.Join(all, "\n"))
	}
	f.Record.Phase, f.Record.Reason, f.Record.Source = strategies.Healthy, strategies.Stable, tree.Commit
	f.Record.Stable = &plan.Revision{Revision: s.Wanted.Revision, Commit: tree.Commit, Images: s.Wanted.Images}
	f.Stable, f.Applied = s, s
	return nil
}

// fromWhatRuns reads what the cluster or the ledger says, and the commits that it names.
func (in *planned) fromWhatRuns(ctx context.Context, f *plan.Facts) (err error) {
	if f.Record, err = in.record(ctx); err != nil || f.Record.Stable == nil {
		return err
	}
	if f.Applied, f.Unknown, err = in.sideAt(ctx, f.Record.Applied()); err != nil {
		return err
	}
	if f.Stable = f.Applied; f.Record.Applied() != f.Record.Stable.Commit {
		if f.Stable, _, err = in.sideAt(ctx, f.Record.Stable.Commit); err != nil {
			return err
		}
		f.Stable = cmp.Or(f.Stable, f.Applied)
	}
	if f.Record.Candidate != nil {
		f.Candidate, _, err = in.sideAt(ctx, f.Record.Candidate.Commit)
	}
	return err
}

// sideAt is a commit of the rollout's past; where it cannot be had, why says so.
func (in *planned) sideAt(ctx context.Context, commit string) (s *plan.Side, why string, err error) {
	tree, err := in.clone.At(ctx, commit)
	if err != nil {
		return nil, fmt.Sprintf("what changes of the objects is not known: %v", err), nil
	}
	defer tree.Close()
	s = in.side(tree)
	switch {
	case s == nil:
		return nil, fmt.Sprintf("what changes of the objects is not known: commit %.10s has no %s", commit, in.rollout.File), nil
	case len(s.Problems) > 0:
		return nil, fmt.Sprintf("what changes of the objects is not known: commit %.10s: %s", commit, strategies.Sentence(s.Problems)), nil
	}
	return s, "", nil
}

// record asks the cluster, and the ledger when no cluster can be reached or none knows the
// rollout (SPEC 8.5). Where nobody knows it nothing runs.
func (in *planned) record(ctx context.Context) (plan.Record, error) {
	var absent *view.NotFoundError
	var inCluster error
	if !in.ledger {
		r, err := in.recordOfCluster(ctx)
		var no unreached
		switch {
		case err == nil:
			return r, nil
		case !errors.As(err, &absent) && (in.cluster || !errors.As(err, &no)):
			return r, err
		case in.cluster:
			return plan.Record{Where: absent.Where}, nil
		}
		inCluster = err
	}
	ledger, err := in.clone.Ledger(ctx, in.remote, in.statusBranch)
	if err == nil {
		var found view.Found
		if found, err = view.Ledger(ctx, ledger, in.namespace, in.rollout.Name, time.Now()); err == nil {
			if inCluster != nil && !errors.Is(inCluster, view.ErrNoCluster) {
				fmt.Fprintln(in.stderr, inCluster)
			}
			in.namespace = found.Rollouts[0].Metadata.Namespace
			return plan.FromStatus(found.Rollouts[0].Status, found.Where), nil
		}
		if !errors.As(err, &absent) {
			return plan.Record{}, err
		}
		return plan.Record{Where: absent.Where}, nil
	}
	switch {
	case in.ledger:
		return plan.Record{}, err
	case absent != nil:
		return plan.Record{Where: absent.Where}, nil
	}
	fmt.Fprintf(in.stderr, "%v\n%v\n", inCluster, err)
	return plan.Record{Where: "nobody: there is neither a cluster nor a ledger"}, nil
}

func (in *planned) recordOfCluster(ctx context.Context) (plan.Record, error) {
	access := in.access
	access.Namespace = in.namespace
	c, err := access.Open()
	if err != nil {
		return plan.Record{}, unreached{err}
	}
	s, err := c.State(ctx, in.rollout.Name, time.Now())
	var absent *view.NotFoundError
	if err != nil && !errors.As(err, &absent) {
		return plan.Record{}, unreached{err}
	}
	if err != nil {
		return plan.Record{}, err
	}
	in.namespace, in.quotas = c.Namespace, c.Quotas(ctx)
	return plan.FromState(s.State, s.Where), nil
}

// shortOf warns of a quota that more pods would exceed. Of several workloads each has its share of
// them, rounded up.
func shortOf(q *corev1.ResourceQuota) plan.Quota {
	return func(r *release.Release, more int32) string {
		all := int32(0)
		for _, n := range r.Sizes {
			all += n
		}
		pods := map[*unstructured.Unstructured]int32{}
		for _, w := range r.Workloads {
			pods[r.PodTemplate(w, strategies.Blue, release.Options{})] = (more*r.Sizes[w.GetName()] + max(all, 1) - 1) / max(all, 1)
		}
		lacks := cluster.Lacks(q, pods)
		if len(lacks) == 0 {
			return ""
		}
		return fmt.Sprintf("ResourceQuota %s has no room for %s", q.Name, strings.Join(lacks, ", "))
	}
}
