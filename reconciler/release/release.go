// Package release turns what a commit renders into the exact objects that should exist,
// in colours. It is pure: no cluster, no Git, no clock.
package release

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/strategies"
)

// Labels and annotations that kexal writes.
const (
	LabelColor    = "kexal.dev/color"
	LabelRevision = "kexal.dev/revision"
	LabelRollout  = "kexal.dev/rollout"
	LabelManager  = "app.kubernetes.io/managed-by"

	// What a write that moves users carries (SPEC 6.3, 6.4).
	NoteRevision = "kexal.dev/revision"
	NoteStep     = "kexal.dev/step"
	NoteEpoch    = "kexal.dev/epoch"
	NoteAborted  = "kexal.dev/aborted"

	// NoteDigest is the digest of what Git says about a shared object: nothing is
	// written when it is there already.
	NoteDigest = "kexal.dev/digest"

	// NotePreStop "none" on a Deployment keeps kexal from adding a preStop (SPEC 5.7).
	NotePreStop = "kexal.dev/pre-stop"
)

// A Release is every object rendered from a directory at one commit, sorted out.
type Release struct {
	Rollout   string
	Namespace string
	Revision  string           // SPEC 2.1
	Sizes     map[string]int32 // pods, by workload
	Images    []string

	Workloads []*unstructured.Unstructured // the Deployments that are coloured, by name
	Services  []*unstructured.Unstructured // those that are switched, by name
	Previews  []*unstructured.Unstructured // ways to the candidate, by name: made, or the one that rollout.yaml names
	Others    []*unstructured.Unstructured // shared objects, in the order to write them

	copies map[string]string // of config: the name that pods read it by, by the one in Git
}

// kinds are what this version applies: the base Role's, in the order of dependency.
var kinds = []struct{ group, kind string }{
	{"", "ConfigMap"},
	{"", "Service"},
	{"apps", "Deployment"},
	{"networking.k8s.io", "Ingress"},
}

func rank(o *unstructured.Unstructured) int {
	return slices.IndexFunc(kinds, func(k struct{ group, kind string }) bool {
		return k.group == o.GroupVersionKind().Group && k.kind == o.GetKind()
	})
}

// Read sorts out the objects of a directory. All that is wrong with them is returned at
// once as [strategies.Mistakes]; dir is the directory, for the messages.
func Read(dir, rollout, namespace string, spec strategies.Spec, objects []*unstructured.Unstructured) (*Release, error) {
	r := &Release{Rollout: rollout, Namespace: namespace}
	f := &faults{dir: dir}
	if len(objects) == 0 {
		f.add(&strategies.Place{}, "check the kustomization, or the chart's values and templates", "nothing is rendered")
		return nil, f.all
	}
	var workloads []*unstructured.Unstructured
	var services []*unstructured.Unstructured
	seen := map[string]bool{}
	for _, o := range objects {
		name := o.GetKind() + " " + o.GetName()
		if seen[name] {
			second := in(o)
			second.Last = true
			f.add(second, "keep one of them", "%s is rendered twice", name)
		}
		seen[name] = true
		f.admissible(o, namespace)
		o.SetNamespace(namespace)
		switch {
		case o.GetKind() == "Deployment":
			workloads = append(workloads, o)
		case o.GetKind() == "Service":
			services = append(services, o)
		default:
			r.Others = append(r.Others, o)
		}
	}
	if len(f.all) > 0 {
		return nil, f.all
	}
	if r.Workloads = f.workloads(spec, workloads); r.Workloads == nil {
		return nil, f.all
	}
	for _, w := range r.Workloads {
		f.coloured(w)
	}
	r.Services, r.Previews = f.services(spec, services, r.Workloads)
	for _, s := range services {
		if !slices.Contains(r.Services, s) && !slices.Contains(r.Previews, s) {
			r.Others = append(r.Others, s)
		}
	}
	if spec.Previews && r.Previews == nil {
		r.Previews = f.previews(r, spec.PreviewNodePort)
	}
	used, copies, named := config(r.Workloads, r.Others)
	for _, c := range copies {
		if seen["ConfigMap "+c.GetName()] {
			f.add(in(c, "metadata", "name"), "give it another name", "ConfigMap %s has the name of the copy that is made of ConfigMap %s", c.GetName(), c.GetAnnotations()[NoteCopy])
		}
	}
	if len(f.all) > 0 {
		return nil, f.all
	}
	r.Others, r.copies = slices.Concat(r.Others, copies, r.previewIngresses(spec.PreviewHost)), named
	slices.SortStableFunc(r.Others, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.GetName(), b.GetName()))
	})
	slices.SortFunc(r.Services, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	r.Sizes = map[string]int32{}
	for _, w := range r.Workloads {
		r.Sizes[w.GetName()] = replicas(w)
		r.Images = append(r.Images, images(w)...)
	}
	r.Revision = revision(r.Workloads, used)
	return r, nil
}

// DigestVersion is the version of the revision's algorithm.
const DigestVersion = 1

// revision is SPEC 2.1's digest: canonical JSON (Go's encoding of maps sorts keys) of
// the pod template and of the data of the config that the pods use. It is taken from
// rendered YAML, never from a Go type of Kubernetes, so that an upgrade never changes
// it.
func revision(workloads, used []*unstructured.Unstructured) string {
	type entry struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
		Data any    `json:"data"`
	}
	var entries []entry
	for _, w := range workloads {
		template, _, _ := unstructured.NestedMap(w.Object, "spec", "template")
		strip(template)
		entries = append(entries, entry{w.GetKind(), w.GetName(), template})
	}
	for _, c := range used {
		entries = append(entries, entry{c.GetKind(), c.GetName(), map[string]any{
			"data": c.Object["data"], "binaryData": c.Object["binaryData"], "stringData": c.Object["stringData"]}})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return digest(entries)[:10]
}

// strip takes out what is no part of a revision: a restart is not a new one (SPEC 5.22).
func strip(template map[string]any) {
	meta, _ := template["metadata"].(map[string]any)
	delete(meta, "creationTimestamp") // what marshalled Go types leave behind, always null
	if notes, _ := meta["annotations"].(map[string]any); notes != nil {
		delete(notes, "kexal.dev/restartedAt")
		if len(notes) == 0 {
			delete(meta, "annotations")
		}
	}
}

func digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("release: JSON that was read does not write: %v", err)) // cannot happen: it came from JSON
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Digest identifies all that was rendered, and the rollout.yaml beside it.
func Digest(objects []*unstructured.Unstructured, rolloutYAML []byte) string {
	all := make([]any, 0, len(objects)+1)
	for _, o := range objects {
		all = append(all, o.Object)
	}
	return digest(append(all, string(rolloutYAML)))[:16]
}

// Track is the release as a colour in a role; the colour is for Decide to say.
func (r *Release) Track(commit string) strategies.Track {
	t := strategies.Track{
		Revision: r.Revision, Commit: commit, Images: r.Images,
		Workloads: map[string]strategies.Workload{}, Selectors: map[string]map[string]string{},
		Services: map[string]json.RawMessage{}, Previews: map[string]map[string]string{},
	}
	for _, w := range r.Workloads {
		t.Workloads[w.GetName()] = strategies.Workload{Ports: ports(w), Labels: podLabels(w)}
	}
	for _, s := range r.Services {
		t.Selectors[s.GetName()] = selector(s)
		t.Services[s.GetName()] = r.kept(s)
	}
	for _, p := range r.Previews {
		t.Previews[p.GetName()] = selector(p)
	}
	return t
}

// kept is a Service as [Release.Shared] gives it, without its selector: what a track
// remembers for the way back, when there may be no render.
func (r *Release) kept(service *unstructured.Unstructured) json.RawMessage {
	own := r.Shared(service)
	unstructured.RemoveNestedField(own.Object, "spec", "selector")
	text, err := own.MarshalJSON()
	if err != nil {
		panic(fmt.Sprintf("release: a Service that was read does not write: %v", err)) // cannot happen: it came from JSON
	}
	return bytes.TrimSpace(text)
}

// Remembered is the Service as a track remembers it; nil = it does not.
func Remembered(t *strategies.Track, service string) *unstructured.Unstructured {
	text := t.Services[service]
	if text == nil {
		return nil
	}
	o := &unstructured.Unstructured{}
	if o.UnmarshalJSON(text) != nil {
		return nil // the state was edited by hand; the selector alone is moved
	}
	return o
}

func selector(service *unstructured.Unstructured) map[string]string {
	s, _, _ := unstructured.NestedStringMap(service.Object, "spec", "selector")
	return s
}

func replicas(workload *unstructured.Unstructured) int32 {
	n, found, _ := unstructured.NestedInt64(workload.Object, "spec", "replicas")
	if !found {
		return 1 // Kubernetes' own default
	}
	return int32(n)
}

func containers(workload *unstructured.Unstructured, field string) []map[string]any {
	list, _, _ := unstructured.NestedSlice(workload.Object, "spec", "template", "spec", field)
	var cs []map[string]any
	for _, c := range list {
		if m, ok := c.(map[string]any); ok {
			cs = append(cs, m)
		}
	}
	return cs
}

func images(workload *unstructured.Unstructured) []string {
	var names []string
	for _, c := range containers(workload, "containers") {
		if image, _ := c["image"].(string); image != "" {
			names = append(names, image)
		}
	}
	return names
}

// ports are the container ports by name; those without one by their number.
func ports(workload *unstructured.Unstructured) map[string]int32 {
	found := map[string]int32{}
	for _, c := range containers(workload, "containers") {
		list, _ := c["ports"].([]any)
		for _, p := range list {
			m, _ := p.(map[string]any)
			number, _ := m["containerPort"].(int64)
			name, _ := m["name"].(string)
			if name == "" {
				name = fmt.Sprint(number)
			}
			found[name] = int32(number)
		}
	}
	return found
}

func podLabels(workload *unstructured.Unstructured) map[string]string {
	labels, _, _ := unstructured.NestedStringMap(workload.Object, "spec", "template", "metadata", "labels")
	return labels
}

// Workload is the Deployment of a name; nil = it is not coloured in this release.
func (r *Release) Workload(name string) *unstructured.Unstructured {
	for _, w := range r.Workloads {
		if w.GetName() == name {
			return w
		}
	}
	return nil
}

// Behind is the workload whose pods a Service or a preview of the release leads to; empty = it has
// none of that name.
func (r *Release) Behind(service string) string {
	if s := r.Service(service); s != nil {
		if w := behind(s, r.Workloads); w != nil {
			return w.GetName()
		}
	}
	return ""
}

// behind is the workload that a Service selects; nil = it selects none.
func behind(service *unstructured.Unstructured, workloads []*unstructured.Unstructured) *unstructured.Unstructured {
	for _, w := range workloads {
		if matches(selector(service), podLabels(w)) {
			return w
		}
	}
	return nil
}

// PodLabels are those of a workload's pods in a colour.
func (r *Release) PodLabels(workload *unstructured.Unstructured, c strategies.Color) map[string]string {
	labels := maps.Clone(podLabels(workload))
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, colorLabels(c, r.Revision))
	return labels
}

func colorLabels(c strategies.Color, revision string) map[string]string {
	return map[string]string{LabelColor: string(c), LabelRevision: revision}
}

// Spans tells whether stable and this release can be selected together by the Services of
// which together holds: one selector matches both, and each port resolves in both (SPEC
// 5.9). A Service that users reach stable by is not let go of: it would select nothing.
func (r *Release) Spans(stable strategies.Track, together func(service string) bool) error {
	f := &faults{}
	for _, o := range r.Others {
		if _, serves := stable.Selectors[o.GetName()]; serves && o.GetKind() == "Service" {
			f.add(in(o, "spec", "selector"), "make its selector match the pods' labels, or give the new Service another name",
				"Service %s serves and would select none of the pods of Deployment %s", o.GetName(), names(r.Workloads))
		}
	}
	if stable.Revision == r.Revision {
		return f.err()
	}
	f.routes(r, stable)
	for _, s := range r.Services {
		if together(s.GetName()) {
			f.spans(s, behind(s, r.Workloads), stable)
		}
	}
	return f.err()
}

// spans tells what keeps a Service from selecting a workload's pods and stable's.
func (f *faults) spans(s, w *unstructured.Unstructured, stable strategies.Track) {
	labels, own := podLabels(w), stable.Workloads[w.GetName()]
	base, known := stable.Selectors[s.GetName()]
	if known && !matches(base, labels) {
		f.add(in(w, "spec", "template", "metadata", "labels"), "keep the labels that a Service selects by", "Service %s selects stable's pods by %v, which the new pods do not have", s.GetName(), base)
	}
	if len(own.Labels) > 0 && !matches(selector(s), own.Labels) {
		f.add(in(s, "spec", "selector"), "select by labels that both revisions have", "Service %s selects by %v, which stable's pods do not have", s.GetName(), selector(s))
	}
	for _, p := range servicePorts(s) {
		target, numeric := p.target()
		if !numeric {
			if _, ok := own.Ports[target]; !ok && len(own.Ports) > 0 {
				f.add(p.in(s), "add the port in a release of its own first", "Service %s sends to port %q, which stable's pods do not have", s.GetName(), target)
			}
			continue
		}
		if !hasPort(own.Ports, target) || !hasPort(ports(w), target) {
			f.add(p.in(s), "use a named port", "Service %s sends to port %s, which not both revisions' pods have", s.GetName(), target)
		}
	}
}

// names are those of some workloads, for people.
func names(workloads []*unstructured.Unstructured) string {
	var all []string
	for _, w := range workloads {
		all = append(all, w.GetName())
	}
	return strings.Join(all, ", ")
}

// hasPort: a container that lists no ports may listen on any.
func hasPort(found map[string]int32, number string) bool {
	if len(found) == 0 {
		return true
	}
	for _, p := range found {
		if fmt.Sprint(p) == number {
			return true
		}
	}
	return false
}

func matches(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}

type servicePort map[string]any

// in is where the Service says what the port sends to.
func (p servicePort) in(s *unstructured.Unstructured) *strategies.Place {
	return in(s, "spec", "ports", entry(p, "port"), "targetPort")
}

func servicePorts(s *unstructured.Unstructured) []servicePort {
	list, _, _ := unstructured.NestedSlice(s.Object, "spec", "ports")
	var out []servicePort
	for _, p := range list {
		if m, ok := p.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// target is where a port sends to: a container port's name, or a number.
func (p servicePort) target() (text string, numeric bool) {
	switch t := p["targetPort"].(type) {
	case string:
		return t, false
	case nil:
		return fmt.Sprint(p["port"]), true
	default:
		return fmt.Sprint(t), true
	}
}
