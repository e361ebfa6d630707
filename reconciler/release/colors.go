package release

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	k8slabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kexal/kexal/strategies"
)

// Colored is the name of a workload's Deployment in a colour, cut to 63 characters with
// a hash so that pods keep their colour in their names (K38).
func Colored(workload string, c strategies.Color) string { return made(workload, string(c)) }

func made(name, suffix string) string {
	if whole := name + "-" + suffix; len(whole) <= 63 {
		return whole
	}
	sum := sha256.Sum256([]byte(name))
	keep := 63 - len(suffix) - 1 - 9
	return strings.TrimRight(name[:keep], "-.") + "-" + hex.EncodeToString(sum[:4]) + "-" + suffix
}

// Options are what a release's objects are made with.
type Options struct {
	NoPreStop bool // leaves the drain of a pod to the app; only to show that a test sees it
}

// Deployment is a workload in a colour, with no pods: it is scaled when it is there
// (SPEC 6.1).
func (r *Release) Deployment(w *unstructured.Unstructured, s strategies.Stamp, c strategies.Color, o Options) *unstructured.Unstructured {
	d := w.DeepCopy()
	d.SetName(Colored(w.GetName(), c))
	r.label(d)
	stamp(d, s)
	labels := colorLabels(c, r.Revision)
	addStrings(d.Object, labels, "spec", "selector", "matchLabels")
	addStrings(d.Object, labels, "spec", "template", "metadata", "labels")
	_ = unstructured.SetNestedField(d.Object, int64(0), "spec", "replicas")
	unstructured.RemoveNestedField(d.Object, "spec", "paused")
	unstructured.RemoveNestedField(d.Object, "status")
	pod, _, _ := unstructured.NestedMap(d.Object, "spec", "template", "spec")
	if !o.NoPreStop && d.GetAnnotations()[NotePreStop] != "none" {
		preStop(pod)
	}
	keepToColor(pod, podLabels(w), c)
	renameConfig(pod, r.copies)
	_ = unstructured.SetNestedMap(d.Object, pod, "spec", "template", "spec")
	return d
}

// PodTemplate is a pod as the Deployment of a colour would make it, for a dry-run
// (SPEC 6.7).
func (r *Release) PodTemplate(w *unstructured.Unstructured, c strategies.Color, o Options) *unstructured.Unstructured {
	d := r.Deployment(w, strategies.Stamp{}, c, o)
	template, _, _ := unstructured.NestedMap(d.Object, "spec", "template")
	pod := &unstructured.Unstructured{Object: template}
	pod.SetAPIVersion("v1")
	pod.SetKind("Pod")
	pod.SetName(d.GetName() + "-dry-run") // not made up by the server: its words are to be the same each time
	pod.SetNamespace(r.Namespace)
	return pod
}

// Shared is an object as Git says it, with kexal's labels and the digest of what Git
// says. A Service that is switched is given a selection with [Release.Service].
func (r *Release) Shared(o *unstructured.Unstructured) *unstructured.Unstructured {
	s := o.DeepCopy()
	r.label(s)
	note(s, NoteDigest, digest(o.Object)[:16])
	unstructured.RemoveNestedField(s.Object, "status")
	return s
}

// Selector is what a Service selects for a selection: its selector in Git, narrowed to
// the revision of a colour. tracks say which revision is in which colour, the candidate
// first; a track that was released before the Service was there takes the selector of
// one that knows it. nil = nobody knows it, or no track has the colour.
func Selector(service string, to strategies.Selection, tracks ...*strategies.Track) map[string]string {
	var known map[string]string
	for _, t := range tracks {
		if t != nil && known == nil && len(t.Selector(service)) > 0 {
			known = t.Selector(service)
		}
	}
	if known == nil || to == strategies.BothColors {
		return maps.Clone(known)
	}
	for _, t := range tracks {
		if t != nil && to == strategies.Only(t.Color) {
			selector := t.Selector(service)
			if len(selector) == 0 {
				selector = known
			}
			selector = maps.Clone(selector)
			maps.Copy(selector, colorLabels(t.Color, t.Revision))
			return selector
		}
	}
	return nil
}

func (r *Release) label(o *unstructured.Unstructured) {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelRollout] = r.Rollout
	if labels[LabelManager] == "" {
		labels[LabelManager] = "kexal"
	}
	o.SetLabels(labels)
}

// Notes are the annotations of a stamp.
func Notes(s strategies.Stamp) map[string]string {
	notes := map[string]string{
		NoteRevision: s.Revision,
		NoteStep:     strconv.Itoa(s.Step),
		NoteEpoch:    strconv.FormatInt(s.Epoch, 10),
	}
	if s.Aborted != "" {
		notes[NoteAborted] = s.Aborted
	}
	return notes
}

func stamp(o *unstructured.Unstructured, s strategies.Stamp) {
	for k, v := range Notes(s) {
		note(o, k, v)
	}
}

func note(o *unstructured.Unstructured, key, value string) {
	notes := o.GetAnnotations()
	if notes == nil {
		notes = map[string]string{}
	}
	notes[key] = value
	o.SetAnnotations(notes)
}

func addStrings(object map[string]any, add map[string]string, path ...string) {
	have, _, _ := unstructured.NestedStringMap(object, path...)
	if have == nil {
		have = map[string]string{}
	}
	maps.Copy(have, add)
	_ = unstructured.SetNestedStringMap(object, have, path...)
}

// preStop gives each container that has none a sleep before it is told to stop, within
// its grace period: the data plane takes a moment to hear that the pod leaves (SPEC 5.7,
// K13).
func preStop(pod map[string]any) {
	grace := int64(30) // Kubernetes' default
	if g, ok := pod["terminationGracePeriodSeconds"].(int64); ok {
		grace = g
	}
	sleep := min(5, grace-1)
	if sleep < 1 {
		return
	}
	list, _ := pod["containers"].([]any)
	for _, c := range list {
		m, ok := c.(map[string]any)
		if !ok {
			continue
		}
		lifecycle, _ := m["lifecycle"].(map[string]any)
		if lifecycle == nil {
			lifecycle = map[string]any{}
		}
		if lifecycle["preStop"] == nil {
			lifecycle["preStop"] = map[string]any{"sleep": map[string]any{"seconds": sleep}}
		}
		m["lifecycle"] = lifecycle
	}
}

// keepToColor narrows the affinity terms and spread constraints that match the pod's
// own labels to its colour: two colours must not keep each other off the nodes (K31).
func keepToColor(pod map[string]any, labels map[string]string, c strategies.Color) {
	narrow := func(term map[string]any) {
		s, _ := term["labelSelector"].(map[string]any)
		typed := &metav1.LabelSelector{}
		if s == nil || runtime.DefaultUnstructuredConverter.FromUnstructured(s, typed) != nil {
			return // the server says what is wrong with it
		}
		selector, err := metav1.LabelSelectorAsSelector(typed)
		if err == nil && !selector.Empty() && selector.Matches(k8slabels.Set(labels)) {
			addStrings(s, map[string]string{LabelColor: string(c)}, "matchLabels")
		}
	}
	each := func(list any, do func(map[string]any)) {
		items, _ := list.([]any)
		for _, item := range items {
			if m, ok := item.(map[string]any); ok {
				do(m)
			}
		}
	}
	each(pod["topologySpreadConstraints"], narrow)
	affinity, _ := pod["affinity"].(map[string]any)
	for _, kind := range []string{"podAffinity", "podAntiAffinity"} {
		terms, _ := affinity[kind].(map[string]any)
		each(terms["requiredDuringSchedulingIgnoredDuringExecution"], narrow)
		each(terms["preferredDuringSchedulingIgnoredDuringExecution"], func(m map[string]any) {
			if term, ok := m["podAffinityTerm"].(map[string]any); ok {
				narrow(term)
			}
		})
	}
}
