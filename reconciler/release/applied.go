package release

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/strategies"
)

// Applied is every object of the release as it is applied, in that order, with the Deployments of
// one colour, which the Services select. It is for people to read: what a write of the rollout
// carries besides (its revision, step and epoch) is not in it, and the Deployments have no pods yet.
func (r *Release) Applied(c strategies.Color) []*unstructured.Unstructured {
	track := r.Track("")
	track.Color = c
	var all []*unstructured.Unstructured
	for _, o := range r.Others {
		all = append(all, r.Shared(o))
	}
	for _, s := range slices.Concat(r.Services, r.Previews) {
		own := r.Shared(s)
		_ = unstructured.SetNestedStringMap(own.Object, Selector(s.GetName(), strategies.Only(c), &track), "spec", "selector")
		all = append(all, own)
	}
	for _, w := range r.Workloads {
		d := r.Deployment(w, strategies.Stamp{}, c, Options{})
		notes := d.GetAnnotations()
		for _, moved := range []string{NoteRevision, NoteStep, NoteEpoch} {
			delete(notes, moved)
		}
		if len(notes) == 0 {
			notes = nil
		}
		d.SetAnnotations(notes)
		all = append(all, d)
	}
	return all
}
