package cluster

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

var dryRun = []string{metav1.DryRunAll}

// tried ends the names of what is only tried.
const tried = "-dry-run"

// DryRun asks the server about a whole release before the first of it is written (SPEC
// 6.7), in the order of dependency: the shared objects, the Deployments of the
// candidate's colour, and one pod of each template, because a Deployment's dry-run sees
// neither quota, Pod Security, LimitRange nor ServiceAccount. A Role that lacks the
// right to create pods goes without the last. more is how many pods of each workload come on
// top of what runs; all of them must fit the quotas. It returns the first *Refusal.
func (c *Cluster) DryRun(ctx context.Context, s Sight, color strategies.Color, more map[string]int32) error {
	if err := c.DryRunShared(ctx, s); err != nil {
		return err
	}
	r := s.subject.Release
	for _, w := range r.Workloads {
		d := r.Deployment(w, strategies.Stamp{}, color, c.options)
		d.SetName(d.GetName() + tried) // the slot may still hold an earlier revision, whose selector cannot change
		_, err := c.resource("Deployment").Apply(ctx, d.GetName(), d, metav1.ApplyOptions{FieldManager: managerGit, Force: true, DryRun: dryRun})
		if err := judge("create Deployment "+release.Colored(w.GetName(), color), err); err != nil {
			return mistaken(err, w)
		}
	}
	var surge []template
	for _, w := range r.Workloads {
		made, err := c.resource("Pod").Create(ctx, r.PodTemplate(w, color, c.options), metav1.CreateOptions{FieldManager: managerGit, DryRun: dryRun})
		if apierrors.IsForbidden(err) && lacksRight(err) {
			return nil
		}
		if err := judge("start a pod of Deployment "+release.Colored(w.GetName(), color), err); err != nil {
			return mistaken(err, w)
		}
		surge = append(surge, template{w, made, more[w.GetName()]})
	}
	return c.room(ctx, color, surge)
}

// DryRunShared asks about the objects that the colours share. One that was made by an agent which
// died right after is given to the manager that applies first: that writes nothing of Git's.
func (c *Cluster) DryRunShared(ctx context.Context, s Sight) error {
	r := s.subject.Release
	for _, o := range slices.Concat(r.Others, r.Services, r.Previews) {
		own := r.Shared(o)
		live := c.cached(o.GetKind(), o.GetName())
		if live != nil && digestOf(live) == digestOf(own) {
			continue
		}
		if live != nil {
			// What our creation still owns beside the apply would stay, whatever Git says: a port whose
			// number changes would be there twice.
			if _, err := c.inherit(ctx, s, live); err != nil {
				return mistaken(err, o)
			}
		}
		if err := c.apply(ctx, s, "apply "+name(own), own, managerGit, dry); err != nil {
			return mistaken(err, o)
		}
	}
	if len(r.Services) > 0 {
		// The switch is a patch too; a Role that forbids it shows here, not in mid-rollout.
		if live := c.cached("Service", r.Services[0].GetName()); live != nil {
			body := []byte(`{"metadata":{"labels":{}}}`)
			_, err := c.resource("Service").Patch(ctx, live.GetName(), "application/merge-patch+json", body, metav1.PatchOptions{FieldManager: managerScale, DryRun: dryRun})
			if err := judge("patch "+name(live), err); err != nil {
				return mistaken(err, r.Services[0])
			}
		}
	}
	return nil
}
