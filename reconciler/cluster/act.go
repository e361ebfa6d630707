package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// Act makes one action's writes. Each is idempotent and carries what was observed as its
// fence, so an actor that slept through a change writes nothing (SPEC 6.3); if we die
// between two writes, the next observation finds the rest undone and decides it again.
//
// It fails with ErrConflict when the world moved on, with a *Refusal when the server
// says no.
func (c *Cluster) Act(ctx context.Context, s Sight, next strategies.State, action strategies.Action) error {
	switch a := action.(type) {
	case strategies.Create:
		return c.create(ctx, s, a)
	case strategies.Scale:
		return c.scale(ctx, s, a)
	case strategies.Select:
		return c.selectColors(ctx, s, next, a)
	case strategies.Preview:
		return c.preview(ctx, s, next, a)
	case strategies.Mark:
		return c.mark(ctx, s, a)
	case strategies.Delete:
		return c.delete(ctx, s, a)
	case strategies.Apply:
		return c.applyShared(ctx, s, next, a)
	case strategies.Prune:
		return c.prune(ctx, s)
	case strategies.Revive:
		return c.revive(ctx, s, a)
	case strategies.Restore:
		return c.restore(ctx, s, a)
	case strategies.Touch:
		return c.touch(ctx, s, a)
	}
	return fmt.Errorf("no such action: %T", action)
}

func (c *Cluster) create(ctx context.Context, s Sight, a strategies.Create) error {
	w := s.subject.workloadInGit(a.Workload)
	if w == nil {
		return fmt.Errorf("create %s: %w", release.Colored(a.Workload, a.Color), ErrConflict)
	}
	d := s.subject.Release.Deployment(w, a.Stamp, a.Color, c.options)
	// It starts without pods: should we die here, nobody is reached.
	_, err := c.make(ctx, s, d)
	return err
}

// make creates an object that is not there. It is no apply: one that another agent made
// meanwhile, and perhaps moved, would be taken for our own and be set back by a leader that
// overslept. The server answers 409 instead.
func (c *Cluster) make(ctx context.Context, s Sight, o *unstructured.Unstructured) (made *unstructured.Unstructured, err error) {
	err = c.write(s, "create "+name(o), func() (*unstructured.Unstructured, error) {
		made, err = c.resource(o.GetKind()).Create(ctx, o, metav1.CreateOptions{FieldManager: managerNew, FieldValidation: metav1.FieldValidationStrict})
		return made, err
	})
	return made, err
}

// makeShared creates what the colours share. It will be applied one day, and its fields are given
// to that manager at once, so that already the dry-run of that takes out what Git sets no more. If
// we die in between, the first dry-run gives them.
func (c *Cluster) makeShared(ctx context.Context, s Sight, o *unstructured.Unstructured) error {
	made, err := c.make(ctx, s, o)
	if err == nil {
		_, err = c.inherit(ctx, s, made)
	}
	return err
}

// inherit gives the fields of an object that we made to the manager that applies: what Git
// sets no more goes only when nobody else owns it. If we die after this, the apply is still
// to be made, and changes nothing else then.
func (c *Cluster) inherit(ctx context.Context, s Sight, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	body, err := csaupgrade.UpgradeManagedFieldsPatch(live, sets.New(managerNew), managerGit)
	if err != nil || body == nil {
		return live, err
	}
	err = c.write(s, "take over the fields of "+name(live), func() (*unstructured.Unstructured, error) {
		made, err := c.resource(live.GetKind()).Patch(ctx, live.GetName(), types.JSONPatchType, body, metav1.PatchOptions{FieldManager: managerScale})
		if err == nil {
			live = made
		}
		return made, err
	})
	return live, err
}

// scale sets the count, pauses the Deployment (SPEC 5.4) and stamps it, in one write.
// Its fence is uid, generation and epoch: the resourceVersion of a Deployment moves with
// every status update.
func (c *Cluster) scale(ctx context.Context, s Sight, a strategies.Scale) error {
	d := s.deployments[a.Workload][a.Color]
	if d == nil {
		return fmt.Errorf("scale %s: %w", release.Colored(a.Workload, a.Color), ErrConflict)
	}
	if a.Count < s.Workloads[a.Workload][a.Color].Desired {
		// Before any count falls the live Services are read again.
		if err := c.unmoved(ctx, s); err != nil {
			return err
		}
	}
	patch := fence(d)
	if _, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas"); found {
		patch = append(patch, operation{"replace", "/spec/replicas", a.Count})
	} else {
		patch = append(patch, operation{"add", "/spec/replicas", a.Count})
	}
	if paused, _, _ := unstructured.NestedBool(d.Object, "spec", "paused"); !paused {
		patch = append(patch, operation{"add", "/spec/paused", true})
	}
	patch = append(patch, notes(d, a.Stamp)...)
	if origin := originOf(c.setsOf(d), s.Workloads[a.Workload][a.Color].Revision, ""); origin != nil && d.GetAnnotations()[noteOrigin] == "" {
		patch = append(patch, operation{"add", "/metadata/annotations/" + escape(noteOrigin), origin.Name})
	}
	return c.patch(ctx, s, fmt.Sprintf("scale %s to %d", name(d), a.Count), d, patch)
}

// tracks are the revisions that a decision leaves, the candidate first.
func tracks(next strategies.State) []*strategies.Track { return Subject{State: next}.tracks() }

// mark stamps every traffic object and slot and moves nothing. Each is tried by itself.
func (c *Cluster) mark(ctx context.Context, s Sight, a strategies.Mark) error {
	var errs []error
	for _, view := range s.Services {
		live := s.services[view.Name]
		if live == nil || view.Deleting || epochOf(live) == a.Stamp.Epoch && live.GetAnnotations()[release.NoteAborted] == a.Stamp.Aborted {
			continue // it may have been written by the move before
		}
		selector, _, _ := unstructured.NestedStringMap(live.Object, "spec", "selector")
		errs = append(errs, c.traffic(ctx, s, live, selector, a.Stamp, false))
	}
	for _, workload := range slices.Sorted(maps.Keys(s.deployments)) {
		for _, color := range []strategies.Color{strategies.Blue, strategies.Green} {
			d, slot := s.deployments[workload][color], s.Workloads[workload][color]
			stamp := a.Stamp
			if stamp.Aborted == "" {
				stamp.Aborted = slot.Aborted // nothing moves: it still tells whose pods those are
			}
			if d == nil || slot.Deleting || slot.Epoch == stamp.Epoch && slot.Aborted == stamp.Aborted {
				continue
			}
			errs = append(errs, c.patch(ctx, s, "mark "+name(d), d, append(fence(d), notes(d, stamp)...)))
		}
	}
	return errors.Join(errs...)
}

// delete removes the Deployment of a slot that has no pods, exactly the one observed.
func (c *Cluster) delete(ctx context.Context, s Sight, a strategies.Delete) error {
	d := s.deployments[a.Workload][a.Color]
	if d == nil {
		return nil
	}
	if err := c.unmoved(ctx, s); err != nil {
		return err
	}
	// At no pods its version is quiet, so this is exactly the Deployment that was seen:
	// not one that another agent scaled up meanwhile.
	return c.deleteExactly(ctx, s, d)
}

// applyShared writes the shared objects of the wanted release: those that are missing,
// or with All every one that differs. Nothing is written when nothing changed.
func (c *Cluster) applyShared(ctx context.Context, s Sight, next strategies.State, a strategies.Apply) error {
	r := s.subject.Release
	if r == nil {
		return fmt.Errorf("apply shared objects: %w", ErrConflict)
	}
	for i, o := range slices.Concat(r.Services, r.Previews) {
		if a.Services && !s.subject.has(o.GetName()) {
			continue
		}
		live := c.cached("Service", o.GetName())
		own := r.Shared(o)
		if live != nil && (!a.All || digestOf(live) == digestOf(own)) {
			continue
		}
		if err := othersNow(live, r.Rollout); err != nil {
			return err
		}
		var err error
		if live == nil {
			// A Service that no revision knows yet is known to the one that brings it.
			bringing, pin := r.Track(""), a.Pin
			if i >= len(r.Services) {
				pin = a.Previews
			}
			pinned := release.Selector(o.GetName(), pin, append(tracks(next), &bringing)...)
			for _, t := range tracks(next) { // its ports are those of the pods that it leads to
				if remembered := release.Remembered(t, o.GetName()); remembered != nil && pin == strategies.Only(t.Color) {
					own = remembered
				}
			}
			err = c.createService(ctx, s, own, pinned, a.Stamp)
		} else if live.GetDeletionTimestamp() != nil {
			err = fmt.Errorf("%s is being deleted: %w", name(live), ErrConflict)
		} else {
			err = c.applyService(ctx, s, own, live, nil, nil, false)
		}
		if err != nil {
			return err
		}
	}
	for _, o := range r.Others {
		if a.Services {
			break
		}
		own := r.Shared(o)
		live := c.cached(o.GetKind(), o.GetName())
		early := o.GetKind() == "Ingress" && release.MadePreview(own, r.Rollout) // the candidate's own way in
		if live != nil && (!a.All && !early || digestOf(live) == digestOf(own)) {
			continue
		}
		if live == nil {
			if err := c.makeShared(ctx, s, own); err != nil {
				return err
			}
			continue
		}
		if err := othersNow(live, r.Rollout); err != nil {
			return err
		}
		if live.GetDeletionTimestamp() != nil {
			return fmt.Errorf("%s is being deleted: %w", name(live), ErrConflict)
		}
		live, err := c.inherit(ctx, s, live)
		if err != nil {
			return err
		}
		guard(own, live) // an Ingress carries users too (SPEC 6.3)
		if err := c.apply(ctx, s, "apply "+name(own), own, managerGit, false); err != nil {
			return err
		}
	}
	return nil
}

// othersNow: an object of somebody else took the name of one of the rollout's since it was observed.
// That is a conflict, and the next observation finds it in the way.
func othersNow(live *unstructured.Unstructured, rollout string) error {
	if live == nil || live.GetLabels()[release.LabelRollout] == rollout {
		return nil
	}
	return fmt.Errorf("%s is not of rollout %s: %w", name(live), rollout, ErrConflict)
}

// createService makes a Service that selects one colour from its first moment.
func (c *Cluster) createService(ctx context.Context, s Sight, own *unstructured.Unstructured, selector map[string]string, stamp strategies.Stamp) error {
	if len(selector) == 0 {
		return fmt.Errorf("create %s: no colour to pin it to yet: %w", name(own), ErrConflict)
	}
	own = own.DeepCopy()
	_ = unstructured.SetNestedStringMap(own.Object, selector, "spec", "selector")
	annotate(own, release.Notes(stamp))
	return c.makeShared(ctx, s, own)
}

// applyService writes what Git sets of a Service. With a selector it carries that and
// its stamp in the same write; without, it leaves both as they are: an apply carries a
// field as long as our own apply entry still owns it, with the live value, because the
// server resets what its only owner stops sending (SPEC 6.1, K1).
func (c *Cluster) applyService(ctx context.Context, s Sight, own, live *unstructured.Unstructured, selector map[string]string, stamp *strategies.Stamp, dry bool) error {
	// While it is only tried too: the switch that follows is then one write for each Service.
	live, err := c.inherit(ctx, s, live)
	if err != nil {
		return err
	}
	own = own.DeepCopy()
	unstructured.RemoveNestedField(own.Object, "spec", "selector")
	guard(own, live)
	if selector == nil && owns(live, managerGit, "spec", "selector") {
		selector, _, _ = unstructured.NestedStringMap(live.Object, "spec", "selector")
	}
	if selector != nil {
		_ = unstructured.SetNestedStringMap(own.Object, selector, "spec", "selector")
	}
	if stamp != nil {
		annotate(own, notesOn(live, *stamp))
	} else {
		carried := map[string]string{}
		for _, key := range []string{release.NoteRevision, release.NoteStep, release.NoteEpoch, release.NoteAborted} {
			if value, ok := live.GetAnnotations()[key]; ok && owns(live, managerGit, "metadata", "annotations", key) {
				carried[key] = value
			}
		}
		annotate(own, carried)
	}
	return c.apply(ctx, s, "apply "+name(own), own, managerGit, dry)
}

// revive unpauses a Deployment whose ReplicaSet is gone. Should we die here, it is found
// unpaused and is paused.
func (c *Cluster) revive(ctx context.Context, s Sight, a strategies.Revive) error {
	d := s.deployments[a.Workload][a.Color]
	if d == nil {
		return nil
	}
	op := operation{"replace", "/spec/paused", false}
	return c.patch(ctx, s, "revive "+name(d), d, append(append(fence(d), op), notes(d, a.Stamp)...))
}

// restore puts the template back that a hand changed. The Deployment is paused, which is
// part of the fence: nothing rolls by it, and should we die here nothing has changed that
// runs.
func (c *Cluster) restore(ctx context.Context, s Sight, a strategies.Restore) error {
	d := s.deployments[a.Workload][a.Color]
	if d == nil {
		return nil
	}
	origin := originOf(c.setsOf(d), s.Workloads[a.Workload][a.Color].Revision, d.GetAnnotations()[noteOrigin])
	if origin == nil {
		return nil
	}
	ops := []operation{{"test", "/spec/paused", true}, {"replace", "/spec/template", templateOf(origin)}}
	return c.patch(ctx, s, "restore "+name(d), d, append(append(fence(d), ops...), notes(d, a.Stamp)...))
}

// noteTouched says when a ReplicaSet was woken last.
const noteTouched = "kexal.dev/touched"

// touch wakes a ReplicaSet that sleeps after refusals: it would notice new room in the
// quota only after minutes (K30).
func (c *Cluster) touch(ctx context.Context, s Sight, a strategies.Touch) error {
	d := s.deployments[a.Workload][a.Color]
	if d == nil {
		return nil
	}
	op := operation{"add", "/metadata/annotations/" + escape(noteTouched), a.At.UTC().Format(time.RFC3339)}
	return c.patch(ctx, s, "wake "+name(d), d, append(fence(d), op))
}

// unmoved reads the live Services again: the watch may lag behind what users get.
func (c *Cluster) unmoved(ctx context.Context, s Sight) error {
	for _, service := range slices.Sorted(maps.Keys(s.services)) {
		seen := s.services[service]
		live, err := c.resource("Service").Get(ctx, service, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err) && seen == nil:
			continue
		case apierrors.IsNotFound(err):
			return fmt.Errorf("Service %s is gone: %w", service, ErrConflict)
		case err != nil:
			return judge("read Service "+service, err)
		case seen == nil || live.GetResourceVersion() != seen.GetResourceVersion():
			return fmt.Errorf("Service %s: %w", service, ErrConflict)
		}
	}
	return nil
}

// write makes one request, judges its answer and remembers what it left.
func (c *Cluster) write(s Sight, what string, do func() (*unstructured.Unstructured, error)) error {
	made, err := do()
	if err != nil {
		return judge(what, err)
	}
	c.remember(s.subject.Rollout, made)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.replace(made)
	return nil
}

// replace puts what a write left in the place of what was observed, so that the next
// action of the same plan is fenced by it: an abort marks an object and then moves it.
func (s Sight) replace(made *unstructured.Unstructured) {
	switch made.GetKind() {
	case "Service":
		for _, known := range []map[string]*unstructured.Unstructured{s.services, s.previews} {
			if _, ours := known[made.GetName()]; ours {
				known[made.GetName()] = made
			}
		}
	case "Deployment":
		for _, colors := range s.deployments {
			for color, d := range colors {
				if d != nil && d.GetName() == made.GetName() {
					colors[color] = made
				}
			}
		}
	}
}

// guard fences an apply by what was observed. The uid keeps it from making the object
// anew when it is gone.
func guard(o, live *unstructured.Unstructured) {
	o.SetUID(live.GetUID())
	o.SetResourceVersion(live.GetResourceVersion())
}

func annotate(o *unstructured.Unstructured, notes map[string]string) {
	all := o.GetAnnotations()
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, notes)
	o.SetAnnotations(all)
}

// An operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func (c *Cluster) patch(ctx context.Context, s Sight, what string, o *unstructured.Unstructured, operations []operation) error {
	body, err := json.Marshal(operations)
	if err != nil {
		return err
	}
	return c.write(s, what, func() (*unstructured.Unstructured, error) {
		return c.resource(o.GetKind()).Patch(ctx, o.GetName(), types.JSONPatchType, body, metav1.PatchOptions{FieldManager: managerScale})
	})
}

// fence tests that a Deployment is the one observed, that nobody changed its spec since
// and that no other epoch wrote it.
func fence(d *unstructured.Unstructured) []operation {
	tests := []operation{
		{"test", "/metadata/uid", string(d.GetUID())},
		{"test", "/metadata/generation", d.GetGeneration()},
	}
	if epoch, found := d.GetAnnotations()[release.NoteEpoch]; found {
		tests = append(tests, operation{"test", "/metadata/annotations/" + escape(release.NoteEpoch), epoch})
	}
	return tests
}

// notes writes a stamp, and takes off the mark of an abort that is not this write's.
func notes(d *unstructured.Unstructured, s strategies.Stamp) []operation {
	var out []operation
	if d.GetAnnotations() == nil {
		out = append(out, operation{"add", "/metadata/annotations", map[string]string{}})
	}
	for key, value := range release.Notes(s) {
		out = append(out, operation{"add", "/metadata/annotations/" + escape(key), value})
	}
	if _, marked := d.GetAnnotations()[release.NoteAborted]; marked && s.Aborted == "" {
		out = append(out, operation{Op: "remove", Path: "/metadata/annotations/" + escape(release.NoteAborted)})
	}
	return out
}
