package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// A Subject is the rollout to observe: what it decided last, and what Git renders.
type Subject struct {
	Rollout string
	State   strategies.State
	Release *release.Release // nil = nothing can be rendered now
}

// A Sight is an observation with the objects it was taken from: an action is fenced by
// them.
type Sight struct {
	strategies.Observation
	// Obstacle is why it is Held, when an object of somebody else has a name of the release's.
	Obstacle    *strategies.Mistake
	subject     Subject
	deployments map[string]map[strategies.Color]*unstructured.Unstructured // by workload
	services    map[string]*unstructured.Unstructured
	previews    map[string]*unstructured.Unstructured
}

// Observe reads the rollout's part of the namespace from what the watches showed.
func (c *Cluster) Observe(now time.Time, subject Subject) Sight {
	s := Sight{
		subject:     subject,
		deployments: map[string]map[strategies.Color]*unstructured.Unstructured{},
		services:    map[string]*unstructured.Unstructured{},
		previews:    map[string]*unstructured.Unstructured{},
	}
	s.At, s.Workloads = now, map[string]strategies.Slots{}
	workloads := subject.workloads()
	if len(workloads) == 0 {
		return s
	}
	pods := map[strategies.Color][]*corev1.Pod{}
	for _, workload := range workloads {
		its := c.podsOf(workload)
		for color, list := range its {
			pods[color] = append(pods[color], list...)
		}
		c.observeWorkload(&s, workload, its)
	}
	for _, name := range subject.services() {
		svc := c.own(&s, name)
		s.services[name] = svc
		if svc == nil && subject.has(name) {
			s.Gone = true
		}
		if svc != nil && release.Selector(name, strategies.BothColors, subject.tracks()...) == nil {
			continue // no revision knows it yet; the one that brings it is recorded first
		}
		view := c.serviceView(name, svc, subject, pods)
		s.Epoch = max(s.Epoch, view.Epoch)
		s.Services = append(s.Services, view)
	}
	for _, name := range subject.previews() {
		svc := c.own(&s, name)
		s.previews[name] = svc
		if svc == nil && subject.has(name) {
			s.Gone = true
		}
		view := c.serviceView(name, svc, subject, pods)
		if r := subject.Release; r != nil && svc != nil && r.Service(name) != nil {
			view.Differs = digestOf(svc) != digestOf(r.Shared(r.Service(name)))
		}
		s.Previews = append(s.Previews, view)
	}
	if r := subject.Release; r != nil {
		c.compare(&s, r)
	}
	if no := c.blind(); no != nil {
		s.blind(no)
	}
	return s
}

// observeWorkload reads both colours of a workload.
func (c *Cluster) observeWorkload(s *Sight, workload string, pods map[strategies.Color][]*corev1.Pod) {
	slots, live := strategies.Slots{}, map[strategies.Color]*unstructured.Unstructured{}
	for _, color := range []strategies.Color{strategies.Blue, strategies.Green} {
		d := c.cached("Deployment", release.Colored(workload, color))
		if d != nil && d.GetLabels()[release.LabelRollout] != s.subject.Rollout {
			s.inTheWay(d, s.subject.Rollout, s.subject.workloadInGit(workload))
			d = nil
		}
		live[color] = d
		slot := slotOf(s.At, d, decode[appsv1.Deployment](c, d), c.setsOf(d), pods[color])
		if d != nil {
			slot.Lowest = c.lowest.of(d.GetUID(), slot.Lags, slot.Desired)
		}
		slots[color] = slot
		s.Epoch = max(s.Epoch, slot.Epoch)
	}
	s.Workloads[workload], s.deployments[workload] = slots, live
}

// own is a live Service of the rollout; nil when it is not there.
func (c *Cluster) own(s *Sight, name string) *unstructured.Unstructured {
	svc := c.cached("Service", name)
	if svc != nil && svc.GetLabels()[release.LabelRollout] != s.subject.Rollout {
		s.inTheWay(svc, s.subject.Rollout, s.subject.serviceInGit(name))
		return nil // somebody took it out of our hands: it is not written
	}
	return svc
}

func digestOf(o *unstructured.Unstructured) string { return o.GetAnnotations()[release.NoteDigest] }

// inTheWay: an object of that name is not this rollout's, so nothing is written. wanted is
// the object of the release that would have the name; nil when none is at hand.
func (s *Sight) inTheWay(o *unstructured.Unstructured, rollout string, wanted *unstructured.Unstructured) {
	s.Obstacle = &strategies.Mistake{
		Err: fmt.Errorf("%s is there already and is not part of rollout %s; what already serves is not taken over by this version of kexal", name(o), rollout),
		Fix: "delete or rename it",
	}
	if wanted != nil {
		s.Obstacle.At = &strategies.Place{APIVersion: wanted.GetAPIVersion(), Kind: wanted.GetKind(), Name: wanted.GetName(), Field: []string{"metadata", "name"}}
	}
	s.Held = s.Obstacle.Error()
}

// inGit is the object that an author wrote for one of the release.
func (s Subject) inGit(o *unstructured.Unstructured) *unstructured.Unstructured {
	of := o.GetAnnotations()[release.NotePreview]
	switch {
	case of == "":
		return o
	case o.GetKind() == "Service":
		return s.serviceInGit(o.GetName())
	}
	for _, other := range s.Release.Others {
		if other.GetKind() == o.GetKind() && other.GetName() == of {
			return other
		}
	}
	return nil
}

// workloadInGit is a Deployment of the release; nil when nothing can be rendered now, or it has
// none of that name.
func (s Subject) workloadInGit(name string) *unstructured.Unstructured {
	if s.Release == nil {
		return nil
	}
	return s.Release.Workload(name)
}

// serviceInGit is a Service of the release; nil when it has none of that name. A preview
// that is made stands for the Service it is made from.
func (s Subject) serviceInGit(name string) *unstructured.Unstructured {
	if s.Release == nil {
		return nil
	}
	service := s.Release.Service(name)
	if service != nil {
		if of := service.GetAnnotations()[release.NotePreview]; of != "" {
			return s.Release.Service(of)
		}
	}
	return service
}

// workloads are the Deployments' names in Git, of the release and of all revisions that run.
func (s Subject) workloads() []string {
	all := map[string]bool{}
	if s.Release != nil {
		for _, w := range s.Release.Workloads {
			all[w.GetName()] = true
		}
	}
	for _, t := range s.tracks() {
		for name := range t.Workloads {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// behind is the workload whose pods a Service leads to, as the newest says that knows it.
func (s Subject) behind(service string) string {
	if s.Release != nil {
		if w := s.Release.Behind(service); w != "" {
			return w
		}
	}
	for _, t := range s.tracks() {
		if w := t.Behind(service); w != "" {
			return w
		}
	}
	return ""
}

// tracks are the revisions that run, the candidate first.
func (s Subject) tracks() []*strategies.Track {
	var found []*strategies.Track
	for _, t := range []*strategies.Track{s.State.Candidate, s.State.Stable} {
		if t != nil {
			found = append(found, t)
		}
	}
	if w := s.State.Warm; w != nil {
		found = append(found, &w.Old)
	}
	if c := s.State.Candidate; c != nil && s.State.Stable == nil {
		// A first release that waits at its gate: its Services lead to the colour that nobody
		// is in.
		nobody := *c
		nobody.Color = c.Color.Other()
		found = append(found, &nobody)
	}
	return found
}

// services are the names of those that the rollout switches, sorted.
func (s Subject) services() []string { return s.fronts(false) }

// previews are the names of the ways to the candidate, sorted.
func (s Subject) previews() []string { return s.fronts(true) }

// fronts are the names of all Services, or of all previews. What a name is the newest says
// that knows it: the release, the candidate, then the others.
func (s Subject) fronts(previews bool) []string {
	isPreview := map[string]bool{}
	know := func(name string, preview bool) {
		if _, known := isPreview[name]; !known {
			isPreview[name] = preview
		}
	}
	if s.Release != nil {
		for _, o := range s.Release.Services {
			know(o.GetName(), false)
		}
		for _, o := range s.Release.Previews {
			know(o.GetName(), true)
		}
	}
	for _, t := range s.tracks() {
		for name := range t.Selectors {
			know(name, false)
		}
		for name := range t.Previews {
			know(name, true)
		}
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(isPreview)) {
		if isPreview[name] == previews {
			names = append(names, name)
		}
	}
	return names
}

// was tells that a live Service is, or was, a preview of the rollout: it is no stranger.
func (s Subject) was(svc *unstructured.Unstructured) bool {
	return release.MadePreview(svc, s.Rollout) || slices.ContainsFunc(s.tracks(), func(t *strategies.Track) bool { return t.Selector(svc.GetName()) != nil })
}

// has tells that a Service or a preview was recorded, and that the wanted release has it.
func (s Subject) has(service string) bool {
	recorded := slices.ContainsFunc(s.tracks(), func(t *strategies.Track) bool { return t.Selector(service) != nil })
	return recorded && s.Release != nil && s.Release.Service(service) != nil
}

// podsOf are the pods of a workload by colour, terminating ones too. They are found by
// the name of their ReplicaSet, so that they are seen when their Deployment is gone.
func (c *Cluster) podsOf(workload string) map[strategies.Color][]*corev1.Pod {
	found := map[strategies.Color][]*corev1.Pod{}
	for _, u := range c.all("Pod") {
		color := strategies.Color(u.GetLabels()[release.LabelColor])
		if color == "" || workloadOf(u) != release.Colored(workload, color) {
			continue
		}
		if pod := decode[corev1.Pod](c, u); pod != nil {
			found[color] = append(found[color], pod)
		}
	}
	return found
}

func epochOf(o *unstructured.Unstructured) int64 {
	n, _ := strconv.ParseInt(o.GetAnnotations()[release.NoteEpoch], 10, 64)
	return n // 0 when it has none, or a hand wrote something else
}

func (c *Cluster) serviceView(name string, svc *unstructured.Unstructured, subject Subject, pods map[strategies.Color][]*corev1.Pod) strategies.Service {
	view := strategies.Service{Name: name, Workload: subject.behind(name), Endpoints: c.endpoints(name, pods)}
	if svc == nil {
		return view
	}
	if svc.GetDeletionTimestamp() != nil {
		view.Deleting = true // absent, and in the way (SPEC 6.8)
		return view
	}
	view.Aborted, view.Epoch = svc.GetAnnotations()[release.NoteAborted], epochOf(svc)
	view.Overlaps = c.overlaps(svc)
	live, _, _ := unstructured.NestedStringMap(svc.Object, "spec", "selector")
	view.Selects = strategies.Something
	for _, to := range []strategies.Selection{strategies.OnlyBlue, strategies.OnlyGreen, strategies.BothColors} {
		if want := release.Selector(name, to, subject.tracks()...); want != nil && maps.Equal(want, live) {
			view.Selects = to
		}
	}
	return view
}

// endpoints counts a Service's ready endpoints by the colour of the live pod behind
// each: an address in a slice is not a pod (K28).
func (c *Cluster) endpoints(service string, pods map[strategies.Color][]*corev1.Pod) map[strategies.Color]int32 {
	colors := map[string]strategies.Color{}
	for color, list := range pods {
		for _, p := range list {
			colors[p.Name] = color
		}
	}
	counts := map[strategies.Color]int32{}
	slices, err := c.watches.Store("EndpointSlice").ByIndex(BySlice, service)
	if err != nil {
		return counts
	}
	seen := map[string]bool{} // a dual-stack Service has a slice for each family
	for _, o := range slices {
		slice := decode[discoveryv1.EndpointSlice](c, o.(*unstructured.Unstructured))
		if slice == nil {
			continue
		}
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready || e.TargetRef == nil || seen[e.TargetRef.Name] {
				continue
			}
			seen[e.TargetRef.Name] = true
			if color, known := colors[e.TargetRef.Name]; known {
				counts[color]++
			}
		}
	}
	return counts
}

// compare holds the wanted release against what is live: what is missing or differs,
// what is in the way, and who else would select its pods.
func (c *Cluster) compare(s *Sight, r *release.Release) {
	for _, w := range r.Workloads {
		if plain := c.cached("Deployment", w.GetName()); plain != nil {
			s.inTheWay(plain, r.Rollout, w)
		}
	}
	ours := map[string]bool{}
	for _, o := range slices.Concat(r.Services, r.Previews, r.Others) {
		live := c.cached(o.GetKind(), o.GetName())
		switch {
		case live == nil || live.GetDeletionTimestamp() != nil:
			s.Missing, s.Changed = true, true
		case live.GetLabels()[release.LabelRollout] != r.Rollout:
			s.inTheWay(live, r.Rollout, s.subject.inGit(o))
		case digestOf(live) != digestOf(r.Shared(o)):
			s.Changed = true
			if o.GetKind() == "Ingress" && release.MadePreview(live, r.Rollout) {
				s.Missing = true // only the candidate uses it: it comes before the promotion
			}
		}
		ours[name(o)] = true
	}
	for _, svc := range s.services {
		if svc != nil {
			ours[name(svc)] = true
		}
	}
	for _, svc := range c.all("Service") {
		if release.MadePreview(svc, r.Rollout) && r.Service(svc.GetName()) == nil && svc.GetDeletionTimestamp() == nil {
			s.Leftover = append(s.Leftover, key(svc))
		}
	}
	c.compareConfig(s, r)
	for _, o := range c.all("Ingress") {
		if release.MadePreview(o, r.Rollout) && !ours[name(o)] && o.GetDeletionTimestamp() == nil {
			s.Leftover = append(s.Leftover, key(o))
		}
	}
	for _, d := range c.all("Deployment") {
		if s.abandoned(d) && len(c.podsOfDeployment(d)) == 0 {
			s.Leftover = append(s.Leftover, key(d))
		}
	}
	for _, svc := range c.all("Service") {
		selector, _, _ := unstructured.NestedStringMap(svc.Object, "spec", "selector")
		if ours[name(svc)] || len(selector) == 0 || s.subject.was(svc) {
			continue
		}
		for _, w := range r.Workloads {
			if (strategies.Workload{Labels: r.PodLabels(w, s.candidateColor())}).Selects(selector) {
				s.Strangers = append(s.Strangers, svc.GetName())
				break
			}
		}
	}
}

// compareConfig finds the copies of config that the release does not have and nobody reads any more
// (SPEC 5.5).
func (c *Cluster) compareConfig(s *Sight, r *release.Release) {
	wanted := map[string]bool{}
	for _, o := range r.Others {
		wanted[key(o)] = true
	}
	for _, o := range c.all("ConfigMap") {
		if release.MadeCopy(o, r.Rollout) && !wanted[key(o)] && o.GetDeletionTimestamp() == nil && !c.read(o.GetName()) {
			s.Leftover = append(s.Leftover, key(o))
		}
	}
}

// abandoned tells that a Deployment is the colour of a workload which neither the release nor any
// revision that runs has any more, and is asked for no pods.
func (s Sight) abandoned(d *unstructured.Unstructured) bool {
	color, _, _ := unstructured.NestedString(d.Object, "spec", "template", "metadata", "labels", release.LabelColor)
	n, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	if color == "" || !found || n != 0 || d.GetDeletionTimestamp() != nil || d.GetLabels()[release.LabelRollout] != s.subject.Rollout {
		return false
	}
	return !slices.ContainsFunc(s.subject.workloads(), func(workload string) bool {
		return release.Colored(workload, strategies.Color(color)) == d.GetName()
	})
}

// podsOfDeployment are those that a Deployment's ReplicaSets made, terminating ones too.
func (c *Cluster) podsOfDeployment(d *unstructured.Unstructured) (all []*unstructured.Unstructured) {
	for _, pod := range c.all("Pod") {
		if workloadOf(pod) == d.GetName() {
			all = append(all, pod)
		}
	}
	return all
}

// read tells that a Deployment, a ReplicaSet with pods or a pod reads a ConfigMap of a name.
func (c *Cluster) read(config string) bool {
	for _, kind := range []string{"Deployment", "ReplicaSet", "Pod"} {
		for _, o := range c.all(kind) {
			if kind == "ReplicaSet" {
				asked, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
				there, _, _ := unstructured.NestedInt64(o.Object, "status", "replicas")
				if asked+there == 0 {
					continue
				}
			}
			if release.Reads(o.Object["spec"], config) {
				return true
			}
		}
	}
	return false
}

// key names an object in what is left over.
func key(o *unstructured.Unstructured) string { return o.GetKind() + "/" + o.GetName() }

func (s Sight) candidateColor() strategies.Color {
	switch {
	case s.subject.State.Candidate != nil:
		return s.subject.State.Candidate.Color
	case s.subject.State.Stable != nil:
		return s.subject.State.Stable.Color.Other()
	}
	return strategies.Blue
}
