package cluster

import (
	"context"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/release"
)

// prune deletes what is left over, exactly what was observed: what kexal made says so by its label
// and its annotation. If we die between two of them, the next observation finds the rest.
func (c *Cluster) prune(ctx context.Context, s Sight) error {
	var errs []error
	for _, left := range s.Leftover {
		kind, name, _ := strings.Cut(left, "/")
		live := c.cached(kind, name)
		if live == nil || !c.mayGo(s, live) {
			continue
		}
		errs = append(errs, c.deleteExactly(ctx, s, live))
	}
	return errors.Join(errs...)
}

// mayGo asks once more about what was seen: a hand may have taken the marks away since, and config may
// have a reader again.
func (c *Cluster) mayGo(s Sight, live *unstructured.Unstructured) bool {
	switch live.GetKind() {
	case "Service", "Ingress":
		return release.MadePreview(live, s.subject.Rollout)
	case "ConfigMap":
		return release.MadeCopy(live, s.subject.Rollout) && !c.read(live.GetName())
	case "Deployment":
		return s.abandoned(live) && len(c.podsOfDeployment(live)) == 0
	}
	return false
}

// deleteExactly deletes an object as it was seen: not one that somebody changed or made again since.
func (c *Cluster) deleteExactly(ctx context.Context, s Sight, live *unstructured.Unstructured) error {
	uid, version := live.GetUID(), live.GetResourceVersion()
	background := metav1.DeletePropagationBackground
	err := c.resource(live.GetKind()).Delete(ctx, live.GetName(), metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}, PropagationPolicy: &background,
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return judge("delete "+name(live), err)
	}
	c.note(s.subject.Rollout, key(live), written{uid: string(uid)})
	return nil
}
