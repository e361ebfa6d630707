package release

import (
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/strategies"
)

// A made name is the workload's and the colour's, of at most 63 characters; what is cut
// off lives on in a hash, so that two long names stay two (SPEC 5.1, K38).
func TestColored(t *testing.T) {
	if got := Colored("web", strategies.Green); got != "web-green" {
		t.Errorf("web in green is %s", got)
	}
	fits := strings.Repeat("a", 63-len("-green"))
	if got := Colored(fits, strategies.Green); got != fits+"-green" {
		t.Errorf("63 characters are cut: %s", got)
	}
	seen := map[string]bool{}
	for _, workload := range []string{fits + "ab", fits + "ac", strings.Repeat("a", 80), strings.Repeat("a", 81)} {
		for _, color := range []strategies.Color{strategies.Blue, strategies.Green} {
			name := Colored(workload, color)
			if len(name) != 63 || !strings.HasSuffix(name, "-"+string(color)) || seen[name] {
				t.Errorf("%s in %s is %s (%d characters)", workload, color, name, len(name))
			}
			seen[name] = true
		}
	}
}

// A colour starts without pods, is never paused at birth, and what selects its pods is
// the colour and the revision. What kexal adds for its own books stays out of the pods
// (SPEC 5.1, 5.4, 6.1).
func TestDeployment(t *testing.T) {
	text := swap(t, fixture(t, "web.yaml"), "replicas: 4", "replicas: 4\n  paused: true\n  revisionHistoryLimit: 3")
	r := read(t, text)
	r.Workloads[0].Object["status"] = map[string]any{"replicas": int64(4)}
	d := r.Deployment(r.Workloads[0], strategies.Stamp{Revision: r.Revision, Step: 2, Epoch: 7}, strategies.Green, Options{})
	if d.GetName() != "web-green" || d.GetNamespace() != "shop" || d.Object["status"] != nil {
		t.Errorf("it is %s/%s with status %v", d.GetNamespace(), d.GetName(), d.Object["status"])
	}
	if n := at(t, d.Object, "spec", "replicas"); n != int64(0) {
		t.Errorf("it starts with %v pods", n)
	}
	if _, found, _ := unstructured.NestedFieldNoCopy(d.Object, "spec", "paused"); found {
		t.Error("it is paused before its first ReplicaSet is made")
	}
	if at(t, d.Object, "spec", "revisionHistoryLimit") != int64(3) {
		t.Error("a field from Git is lost")
	}
	want := map[string]string{"app": "web", LabelColor: "green", LabelRevision: r.Revision}
	selector, _, _ := unstructured.NestedStringMap(d.Object, "spec", "selector", "matchLabels")
	pods, _, _ := unstructured.NestedStringMap(d.Object, "spec", "template", "metadata", "labels")
	if !maps.Equal(selector, want) || !maps.Equal(pods, want) {
		t.Errorf("it selects %v, its pods have %v, want %v", selector, pods, want)
	}
	if got := r.PodLabels(r.Workloads[0], strategies.Green); !maps.Equal(got, want) {
		t.Errorf("PodLabels says %v", got)
	}
	if labels := d.GetLabels(); !maps.Equal(labels, map[string]string{"team": "shop", LabelRollout: "web", LabelManager: "kexal"}) {
		t.Errorf("its labels are %v", labels)
	}
	if notes := d.GetAnnotations(); !maps.Equal(notes, map[string]string{NoteRevision: r.Revision, NoteStep: "2", NoteEpoch: "7"}) {
		t.Errorf("its stamp is %v", notes)
	}
	managed := read(t, swap(t, fixture(t, "web.yaml"), "team: shop", "app.kubernetes.io/managed-by: us"))
	if got := managed.Deployment(managed.Workloads[0], strategies.Stamp{}, strategies.Blue, Options{}).GetLabels()[LabelManager]; got != "us" {
		t.Errorf("managed-by from Git became %q", got)
	}
}

// The two colours of one release differ in their names and their selectors, so that no
// ReplicaSet of one ever takes pods of the other.
func TestColorsAreApart(t *testing.T) {
	r := read(t, fixture(t, "web.yaml"))
	labels := func(c strategies.Color) map[string]string {
		s, _, _ := unstructured.NestedStringMap(r.Deployment(r.Workloads[0], stampOf(r), c, Options{}).Object, "spec", "selector", "matchLabels")
		return s
	}
	if matches(labels(strategies.Blue), r.PodLabels(r.Workloads[0], strategies.Green)) || matches(labels(strategies.Green), r.PodLabels(r.Workloads[0], strategies.Blue)) {
		t.Error("one colour selects pods of the other")
	}
}

// An abort's mark is in the same write as the rest of the stamp, and only where there
// is one (SPEC 6.4).
func TestNotes(t *testing.T) {
	got := Notes(strategies.Stamp{Revision: "aa", Step: 3, Epoch: 12, Aborted: "aa/1"})
	if !maps.Equal(got, map[string]string{NoteRevision: "aa", NoteStep: "3", NoteEpoch: "12", NoteAborted: "aa/1"}) {
		t.Errorf("notes are %v", got)
	}
	if _, marked := Notes(strategies.Stamp{})[NoteAborted]; marked {
		t.Error("a stamp without an abort writes its mark")
	}
}

// The pod of a dry-run is the one that the colour's Deployment would make: quota, Pod
// Security and ServiceAccount see what they will see (SPEC 6.7).
func TestPodTemplate(t *testing.T) {
	r := read(t, fixture(t, "shop.yaml"))
	pod := r.PodTemplate(r.Workloads[0], strategies.Green, Options{})
	if pod.GetKind() != "Pod" || pod.GetAPIVersion() != "v1" || pod.GetNamespace() != "shop" || pod.GetName() != "shop-green-dry-run" {
		t.Errorf("it is %s %s in %q, named %q", pod.GetAPIVersion(), pod.GetKind(), pod.GetNamespace(), pod.GetName())
	}
	if labels := pod.GetLabels(); !maps.Equal(labels, r.PodLabels(r.Workloads[0], strategies.Green)) {
		t.Errorf("its labels are %v", labels)
	}
	if pod.GetAnnotations()["checksum"] != "0123456789" {
		t.Errorf("its annotations are %v", pod.GetAnnotations())
	}
	if at(t, pod.Object, "spec", "serviceAccountName") != "shop" || at(t, pod.Object, "spec", "securityContext", "runAsUser") != int64(1000) ||
		at(t, pod.Object, "spec", "containers", 0, "resources", "limits", "memory") != "64Mi" {
		t.Errorf("its spec is %v", pod.Object["spec"])
	}
	if digest(pod.Object["spec"]) != digest(at(t, r.Deployment(r.Workloads[0], stampOf(r), strategies.Green, Options{}).Object, "spec", "template", "spec")) {
		t.Error("it is not the pod of the Deployment")
	}
}
