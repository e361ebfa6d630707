package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kexal/kexal/reconciler/release"
)

// A Change is what becomes of one object, as Git has it rendered.
type Change struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	What What   `json:"change"`
	When When   `json:"when"`
	Diff string `json:"diff"` // unified, of its YAML; without the namespace, which is one for all
}

// What becomes of an object.
type What string

const (
	Created What = "created"
	Changed What = "changed"
	Removed What = "removed" // from Git; it stays in the cluster
)

// When a change is made (SPEC 2.2, 2.3, 5.18).
type When string

const (
	AtOnce      When = "AtOnce"      // no rollout has to come first
	First       When = "First"       // it only adds: before the first pod of the candidate
	ByRollout   When = "ByRollout"   // it is what the rollout is about
	AtPromotion When = "AtPromotion" // users would feel it
	NextRollout When = "NextRollout" // a slot is never changed in place: the next one is made so
	Never       When = "Never"       // it is kept as it is
)

// changes compares two releases, object by object, in the order of kinds and names. from
// is nil where nothing runs. moves says that the revision is another one: a rollout stands
// between the two.
func changes(from, to *release.Release, moves bool) ([]Change, error) {
	before, after := objects(from), objects(to)
	var all []Change
	for _, key := range slices.SortedFunc(maps.Keys(union(before, after)), compareKeys) {
		old, now := masked(before[key], after[key])
		was, err := text(old)
		if err != nil {
			return nil, err
		}
		is, err := text(now)
		if err != nil {
			return nil, err
		}
		c := Change{Kind: key.kind, Name: key.name, Diff: unified(was, is)}
		switch {
		case c.Diff == "":
			continue
		case now == nil:
			c.What, c.When = Removed, Never
		case old == nil:
			c.What, c.When = Created, AtOnce
		default:
			c.What, c.When = Changed, AtOnce
		}
		switch {
		case !moves && key.kind == "Deployment" && c.What == Changed && !resized(before[key], after[key]):
			c.When = NextRollout
		case !moves || c.When == Never:
		case key.kind == "Deployment":
			c.When = ByRollout
		case c.What == Created:
			c.When = First
		default:
			c.When = AtPromotion
		}
		all = append(all, c)
	}
	return all, nil
}

// resized tells that nothing but the size of a workload is another one.
func resized(before, after *unstructured.Unstructured) bool {
	a, b := before.DeepCopy(), after.DeepCopy()
	for _, o := range []*unstructured.Unstructured{a, b} {
		unstructured.RemoveNestedField(o.Object, "spec", "replicas")
	}
	return equality.Semantic.DeepEqual(a.Object, b.Object)
}

type key struct{ kind, name string }

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
}

func union(a, b map[key]*unstructured.Unstructured) map[key]bool {
	all := map[key]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}

// objects are those that Git renders: a preview that kexal makes is none of them.
func objects(r *release.Release) map[key]*unstructured.Unstructured {
	all := map[key]*unstructured.Unstructured{}
	if r == nil {
		return all
	}
	for _, o := range slices.Concat(r.Workloads, r.Services, r.Previews, r.Others) {
		if _, made := o.GetAnnotations()[release.NotePreview]; made {
			continue
		}
		own := o.DeepCopy()
		unstructured.RemoveNestedField(own.Object, "metadata", "namespace")
		all[key{o.GetKind(), o.GetName()}] = own
	}
	return all
}

// masked hides what a Secret holds, and not that it changes.
func masked(before, after *unstructured.Unstructured) (_, _ *unstructured.Unstructured) {
	for _, field := range []string{"data", "stringData"} {
		was, is := values(before, field), values(after, field)
		for name, value := range was {
			other, kept := is[name]
			switch {
			case kept && fmt.Sprint(value) != fmt.Sprint(other):
				was[name], is[name] = "*** (before)", "*** (after)"
			case kept:
				was[name], is[name] = "***", "***"
			default:
				was[name] = "***"
			}
		}
		for name := range is {
			if _, known := was[name]; !known {
				is[name] = "***"
			}
		}
	}
	return before, after
}

// values are those that a Secret holds, to be changed in place; nil of any other object.
func values(o *unstructured.Unstructured, field string) map[string]any {
	if o == nil || o.GetKind() != "Secret" {
		return nil
	}
	held, _ := o.Object[field].(map[string]any)
	return held
}

// text is an object as canonical YAML: its keys are sorted.
func text(o *unstructured.Unstructured) (string, error) {
	if o == nil {
		return "", nil
	}
	out, err := yaml.Marshal(o.Object)
	return string(out), err
}
