package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// together is how long after a preview's change the Services are switched. A kube-proxy
// that has just synced takes no more changes for a second, and then all of them at once:
// what is written 100 to 600 ms after another change lands in one sync (SPEC 5.10, K23).
const together = 300 * time.Millisecond

// selectColors points Services at a selection, all at the same time. What the revision
// of a colour has of its own for a Service (a port that changed with it) goes into the
// same write, on the way there and on the way back (SPEC 5.18).
//
// If we die between two of the writes, the next observation finds some Services moved and
// the others not, and decides the rest; if we die after the preview's, the Services are
// switched without it.
func (c *Cluster) selectColors(ctx context.Context, s Sight, next strategies.State, a strategies.Select) error {
	var moves []move
	newest := next.Candidate
	if newest == nil {
		newest = next.Stable
	}
	for _, view := range s.Services {
		if newest != nil && newest.Selectors[view.Name] == nil {
			continue // its pods are not behind this Service: it went from Git with the label
		}
		to := a.To
		if a.Overlap && view.Overlaps {
			to = strategies.BothColors
		}
		if view.Selects != to && !view.Deleting {
			moves = append(moves, move{view.Name, to, a.Stamp})
		}
	}
	if err := c.awaited(ctx, s, next, a); err != nil {
		return err
	}
	if a.Prime {
		// Each is asked about first: a switch that is refused in part would have to go back.
		if err := c.moveAll(ctx, s, next, moves, dry); err != nil {
			return err
		}
		if err := c.prime(ctx, s, next, a.Stamp); err != nil {
			return err
		}
	}
	return c.moveAll(ctx, s, next, moves, false)
}

// awaited reads again, before users are sent to a candidate, whether it is there and somebody
// of each workload is ready: the watch of its pods may lag behind, and does for a process that
// slept and has not heard yet what happened meanwhile. The way back asks nobody.
func (c *Cluster) awaited(ctx context.Context, s Sight, next strategies.State, a strategies.Select) error {
	to := next.Candidate
	if to == nil || next.Stable == nil || next.Back != nil || a.To == strategies.Only(next.Stable.Color) {
		return nil
	}
	for _, workload := range slices.Sorted(maps.Keys(s.deployments)) {
		seen := s.deployments[workload][to.Color]
		if seen == nil || s.Workloads[workload][to.Color].Ready == 0 {
			continue
		}
		if err := c.awaitedNow(ctx, seen); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) awaitedNow(ctx context.Context, seen *unstructured.Unstructured) error {
	now, err := c.resource("Deployment").Get(ctx, seen.GetName(), metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return judge("read "+name(seen), err)
	}
	ready := int64(0)
	if err == nil && now.GetUID() == seen.GetUID() {
		ready, _, _ = unstructured.NestedInt64(now.Object, "status", "readyReplicas")
	}
	if ready == 0 {
		return fmt.Errorf("no pod of %s is ready any more: %w", name(seen), ErrConflict)
	}
	return nil
}

// A move is one write to one Service.
type move struct {
	service string
	to      strategies.Selection
	stamp   strategies.Stamp
}

// dry makes the server say what it would do.
const dry = true

// moveAll makes moves at the same time; one that fails holds up no other.
func (c *Cluster) moveAll(ctx context.Context, s Sight, next strategies.State, moves []move, dry bool) error {
	errs := make([]error, len(moves))
	var all []func()
	for i, m := range moves {
		all = append(all, func() { errs[i] = c.move(ctx, s, next, m, dry) })
	}
	c.pace.AtOnce(all...)
	return errors.Join(errs...)
}

func (c *Cluster) move(ctx context.Context, s Sight, next strategies.State, m move, dry bool) error {
	live := c.seen(s, m.service)
	selector := release.Selector(m.service, m.to, tracks(next)...)
	if live == nil || len(selector) == 0 {
		return nil // a Service that is not there is made by Apply; never an empty selector (K28)
	}
	for _, t := range tracks(next) {
		if m.to != strategies.Only(t.Color) {
			continue
		}
		if own := release.Remembered(t, m.service); own != nil && digestOf(own) != digestOf(live) {
			return c.applyService(ctx, s, own, live, selector, &m.stamp, dry)
		}
	}
	return c.traffic(ctx, s, live, selector, m.stamp, dry)
}

// seen is a Service or a preview as it was observed.
func (c *Cluster) seen(s Sight, service string) *unstructured.Unstructured {
	c.mu.Lock() // moves are made at the same time, and each leaves what it wrote
	defer c.mu.Unlock()
	if live := s.services[service]; live != nil {
		return live
	}
	return s.previews[service]
}

// prime widens one preview, so that its endpoints change, and waits until the Services are
// to follow. When none selects the candidate alone there is nothing to widen.
func (c *Cluster) prime(ctx context.Context, s Sight, next strategies.State, stamp strategies.Stamp) error {
	for _, view := range s.Previews {
		if view.Selects != strategies.OnlyBlue && view.Selects != strategies.OnlyGreen {
			continue
		}
		if err := c.move(ctx, s, next, move{view.Name, strategies.BothColors, stamp}, false); err != nil {
			return err
		}
		return c.pace.Wait(ctx, together)
	}
	return nil
}

// preview points previews at a selection, with what the wanted release says of them in
// the same write. They carry no users: what is written is fenced, and nothing waits for it.
func (c *Cluster) preview(ctx context.Context, s Sight, next strategies.State, a strategies.Preview) error {
	var errs []error
	for _, view := range s.Previews {
		live := s.previews[view.Name]
		selector := release.Selector(view.Name, a.To, tracks(next)...)
		if live == nil || view.Deleting || len(selector) == 0 || view.Selects == a.To && !view.Differs {
			continue
		}
		if view.Differs {
			own := s.subject.Release.Shared(s.subject.Release.Service(view.Name))
			errs = append(errs, c.applyService(ctx, s, own, live, selector, &a.Stamp, false))
			continue
		}
		errs = append(errs, c.traffic(ctx, s, live, selector, a.Stamp, false))
	}
	return errors.Join(errs...)
}

// traffic writes a whole selector, and nothing else of the Service, guarded by uid and
// resourceVersion: with a stale one the server answers 409.
func (c *Cluster) traffic(ctx context.Context, s Sight, live *unstructured.Unstructured, selector map[string]string, stamp strategies.Stamp, dry bool) error {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service"}}
	o.SetName(live.GetName())
	o.SetNamespace(c.namespace)
	guard(o, live)
	o.SetAnnotations(notesOn(live, stamp))
	if len(selector) > 0 { // never an empty one (K28)
		_ = unstructured.SetNestedStringMap(o.Object, selector, "spec", "selector")
	}
	return c.apply(ctx, s, "switch "+name(live), o, managerTraffic, dry)
}

// notesOn are the annotations of a stamp. The mark of an earlier abort is written over: left
// out it would stay where another field manager wrote it too, and the next return would wait
// for it to go for ever.
func notesOn(live *unstructured.Unstructured, stamp strategies.Stamp) map[string]string {
	notes := release.Notes(stamp)
	if _, marks := notes[release.NoteAborted]; !marks && live.GetAnnotations()[release.NoteAborted] != "" {
		notes[release.NoteAborted] = ""
	}
	return notes
}

// apply writes an object by server-side apply and takes over what others own of it.
func (c *Cluster) apply(ctx context.Context, s Sight, what string, o *unstructured.Unstructured, manager string, dry bool) error {
	options := metav1.ApplyOptions{FieldManager: manager, Force: true}
	if dry {
		options.DryRun = dryRun
		_, err := c.resource(o.GetKind()).Apply(ctx, o.GetName(), o, options)
		return judge(what, err)
	}
	return c.write(s, what, func() (*unstructured.Unstructured, error) {
		return c.resource(o.GetKind()).Apply(ctx, o.GetName(), o, options)
	})
}

// overlaps tells that what is in front of a Service does not follow a switch at once
// (SPEC 5.10, K22): nodes that have no pod of the new colour, and load balancers that
// send to pods by themselves.
func (c *Cluster) overlaps(svc *unstructured.Unstructured) bool {
	text := func(path ...string) string {
		value, _, _ := unstructured.NestedString(svc.Object, path...)
		return value
	}
	if text("spec", "type") == string(corev1.ServiceTypeLoadBalancer) ||
		text("spec", "externalTrafficPolicy") == string(corev1.ServiceExternalTrafficPolicyLocal) ||
		text("spec", "internalTrafficPolicy") == string(corev1.ServiceInternalTrafficPolicyLocal) ||
		svc.GetAnnotations()["cloud.google.com/neg"] != "" {
		return true
	}
	for _, ingress := range c.all("Ingress") {
		if ingress.GetAnnotations()["alb.ingress.kubernetes.io/target-type"] == "ip" && leadsTo(ingress.Object["spec"], svc.GetName()) {
			return true
		}
	}
	return false
}

// leadsTo finds a backend in an Ingress.
func leadsTo(v any, service string) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			if backend, is := child.(map[string]any); is && key == "service" && backend["name"] == service {
				return true
			}
			if leadsTo(child, service) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(child any) bool { return leadsTo(child, service) })
	}
	return false
}
