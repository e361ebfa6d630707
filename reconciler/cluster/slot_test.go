package cluster

import (
	"reflect"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

func leaving(p *corev1.Pod)  { now := metav1.NewTime(noon); p.DeletionTimestamp = &now }
func finished(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }
func unmarked(p *corev1.Pod) { p.Status.Conditions = nil }
func restarted(n int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "log"}, {Name: "web", RestartCount: n,
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, FinishedAt: metav1.NewTime(noon)}}}}
	}
}

// Ready is counted from pods: ready, of the Deployment's revision, minReadySeconds over,
// not on their way out (SPEC 5.14). A slot is free only when no pod of its colour is
// left, terminating ones included (SPEC 5.3).
func TestSlotCounts(t *testing.T) {
	long, just := noon.Add(-time.Minute), noon.Add(-4*time.Second)
	for _, c := range []struct {
		name               string
		pod                *corev1.Pod
		pods, ready, loops int32 // loops: crashes that the pod has seen, two for many
		next               time.Time
	}{
		{"ready for long", pod("a", "green", "bb", long), 1, 1, 0, time.Time{}},
		{"ready, not yet for ten seconds", pod("a", "green", "bb", just), 1, 0, 0, just.Add(10 * time.Second)},
		{"ready for exactly ten seconds", pod("a", "green", "bb", noon.Add(-10*time.Second)), 1, 1, 0, time.Time{}},
		{"not ready", pod("a", "green", "bb", time.Time{}), 1, 0, 0, time.Time{}},
		{"without conditions yet", pod("a", "green", "bb", time.Time{}, unmarked), 1, 0, 0, time.Time{}},
		{"of an earlier revision", pod("a", "green", "aa", long), 1, 0, 0, time.Time{}},
		{"ready and on its way out", pod("a", "green", "bb", long, leaving), 1, 0, 0, time.Time{}},
		{"finished", pod("a", "green", "bb", time.Time{}, finished), 0, 0, 0, time.Time{}},
		{"crashed once", pod("a", "green", "bb", long, restarted(1)), 1, 1, 1, time.Time{}},
		{"crashed twice, and ready again", pod("a", "green", "bb", long, restarted(2)), 1, 1, 2, time.Time{}},
	} {
		d := deployment("green", "bb", 3, nil)
		_ = unstructured.SetNestedField(d.Object, int64(10), "spec", "minReadySeconds")
		got := slotSeen(noon, d, nil, []*corev1.Pod{c.pod})
		loops := int32(len(got.Crashed))
		for _, crash := range got.Crashed {
			if crash.Again {
				loops++
			}
			if !crash.At.Equal(noon) {
				t.Errorf("%s: it crashed at %s", c.name, crash.At)
			}
		}
		if got.Pods != c.pods || got.Ready != c.ready || loops != c.loops || !got.NextAt.Equal(c.next) {
			t.Errorf("%s: %d pods, %d ready, crashed %v, next at %v", c.name, got.Pods, got.Ready, got.Crashed, got.NextAt)
		}
	}
}

// The moment that counts is when the last pod became ready, and the next to wait for is
// the nearest one.
func TestSlotMoments(t *testing.T) {
	d := deployment("green", "bb", 4, nil)
	_ = unstructured.SetNestedField(d.Object, int64(10), "spec", "minReadySeconds")
	ago := func(n int) time.Time { return noon.Add(-time.Duration(n) * time.Second) }
	got := slotSeen(noon, d, nil, []*corev1.Pod{pod("a", "green", "bb", ago(50)), pod("b", "green", "bb", ago(20)), pod("c", "green", "bb", ago(3)), pod("d", "green", "bb", ago(6))})
	if got.Ready != 2 || !got.ReadyAt.Equal(ago(10)) || !got.NextAt.Equal(noon.Add(4*time.Second)) {
		t.Errorf("%d ready, the last at %v, the next at %v", got.Ready, got.ReadyAt, got.NextAt)
	}
}

// What the Deployment itself says.
func TestSlotOfDeployment(t *testing.T) {
	d := deployment("green", "bb", 3, map[string]string{release.NoteAborted: "bb/1", release.NoteEpoch: "7", release.NoteStep: "2"})
	_ = unstructured.SetNestedField(d.Object, true, "spec", "paused")
	got := slotSeen(noon, d, nil, nil)
	if want := (strategies.Slot{Exists: true, Revision: "bb", Desired: 3, Paused: true, Aborted: "bb/1", Epoch: 7, Step: 2, Lags: true}); !reflect.DeepEqual(got, want) {
		t.Errorf("the slot is %+v", got)
	}
	unstructured.RemoveNestedField(d.Object, "spec", "replicas")
	d.SetAnnotations(map[string]string{release.NoteEpoch: "a hand wrote this", release.NoteStep: "x"})
	now := metav1.NewTime(noon)
	d.SetDeletionTimestamp(&now)
	got = slotSeen(noon, d, nil, nil)
	if got.Desired != 1 || got.Epoch != 0 || got.Step != 0 || !got.Deleting {
		t.Errorf("without a count and going: %+v", got)
	}
	// The Deployment is gone and its pods still leave: the slot is not free.
	if got := slotSeen(noon, nil, nil, []*corev1.Pod{pod("a", "green", "bb", noon, leaving)}); got.Exists || got.Pods != 1 {
		t.Errorf("pods without their Deployment: %+v", got)
	}
}

// What keeps a pod from being ready is said from the first second, without the pod's
// name: the same trouble gives the same sentence (SPEC 5.23, 7.4).
func TestPodTrouble(t *testing.T) {
	waiting := func(reason, message string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", Image: "web:v9",
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}
		}
	}
	unschedulable := func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes"})
	}
	for want, change := range map[string]func(*corev1.Pod){
		"": func(*corev1.Pod) {},
		"Unschedulable: nodes are available: Insufficient cpu.":                unschedulable,
		"container web: image web:v9 cannot be pulled":                         waiting("ImagePullBackOff", "Back-off pulling image"),
		"container web: CreateContainerConfigError: configmap \"x\" not found": waiting("CreateContainerConfigError", `configmap "x" not found`),
		"container web exits with code 3 and is restarted (CrashLoopBackOff)":  restarted(1),
	} {
		if got := podTrouble(pod("web-green-abc", "green", "bb", time.Time{}, change)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := podTrouble(pod("a", "green", "bb", time.Time{}, waiting("ContainerCreating", ""))); got != "" {
		t.Errorf("a pod that is being made is in trouble: %q", got)
	}
	slot := slotSeen(noon, deployment("green", "bb", 2, nil), nil, []*corev1.Pod{pod("a", "green", "bb", noon, restarted(1)), pod("b", "green", "bb", time.Time{}, unschedulable)})
	if slot.Trouble != "Unschedulable: nodes are available: Insufficient cpu." {
		t.Errorf("a pod that recovered speaks for the slot: %q", slot.Trouble)
	}
}

// A ReplicaSet that can make no pods says why; the pod that was refused has a new name
// each time and is cut out of the sentence (SPEC 5.23, K30).
func TestStarved(t *testing.T) {
	w := newWire(t)
	d := deployment("green", "bb", 2, nil)
	set := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "status": map[string]any{"conditions": []any{
		map[string]any{"type": "ReplicaFailure", "status": "True", "message": `pods "web-green-5d8f7c6b9-x7k2p" is forbidden: exceeded quota: compute`},
	}}}}
	set.SetName("web-green-5d8f7c6b9")
	set.SetNamespace("shop")
	yes := true
	set.SetOwnerReferences([]metav1.OwnerReference{{Kind: "Deployment", Name: "web-green", UID: d.GetUID(), Controller: &yes}})
	w.shows(t, set)
	if got := starved(w.setsOf(d)); got != "its pods are forbidden: exceeded quota: compute" {
		t.Errorf("it says %q", got)
	}
	other := deployment("blue", "aa", 2, nil)
	other.SetUID("another")
	if starved(w.setsOf(other)) != "" || starved(w.setsOf(nil)) != "" {
		t.Error("another Deployment starves with it")
	}
}

// A count that was lowered and raised again is followed in two steps, and until the last
// one is acknowledged the pods of before look ready and are about to go (SPEC 5.14).
func TestLags(t *testing.T) {
	set := func(count, pods int32, follows int64) *appsv1.ReplicaSet {
		return &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Generation: 4},
			Spec:       appsv1.ReplicaSetSpec{Replicas: &count},
			Status:     appsv1.ReplicaSetStatus{Replicas: pods, ObservedGeneration: follows},
		}
	}
	for _, c := range []struct {
		name    string
		follows int64 // the generation of the Deployment's that its controller saw; it has 6
		desired int32
		sets    []*appsv1.ReplicaSet
		staying int32
		lags    bool
	}{
		{"all is followed", 6, 3, []*appsv1.ReplicaSet{set(3, 3, 4)}, 3, false},
		{"its controller has not seen the count", 5, 3, []*appsv1.ReplicaSet{set(3, 3, 4)}, 3, true},
		{"its ReplicaSet has another count", 6, 3, []*appsv1.ReplicaSet{set(0, 3, 4)}, 3, true},
		{"its ReplicaSet has not followed", 6, 3, []*appsv1.ReplicaSet{set(3, 3, 3)}, 3, true},
		{"more pods than it asks for", 6, 3, []*appsv1.ReplicaSet{set(3, 5, 4)}, 5, true},
		{"fewer pods than it asks for", 6, 3, []*appsv1.ReplicaSet{set(3, 1, 4)}, 1, false},
		{"emptied", 6, 0, []*appsv1.ReplicaSet{set(0, 0, 4)}, 0, false},
		{"emptied, and pods are still there", 6, 0, []*appsv1.ReplicaSet{set(0, 0, 4)}, 2, true},
		{"no ReplicaSet yet", 6, 3, nil, 0, false},
		{"an old one that is empty beside it", 6, 3, []*appsv1.ReplicaSet{set(0, 0, 4), set(3, 3, 4)}, 3, false},
		{"a hand made it roll", 6, 3, []*appsv1.ReplicaSet{set(1, 1, 4), set(3, 3, 4)}, 4, false},
	} {
		d := deployment("green", "bb", int64(c.desired), nil)
		_ = unstructured.SetNestedField(d.Object, c.follows, "status", "observedGeneration")
		var pods []*corev1.Pod
		for range c.staying {
			pods = append(pods, pod("a", "green", "bb", noon.Add(-time.Minute)))
		}
		if got := slotSeen(noon, d, c.sets, pods); got.Lags != c.lags {
			t.Errorf("%s: lags %v", c.name, got.Lags)
		}
	}
}

// What a hand writes into the template of a paused Deployment runs nowhere, and is seen by
// comparing it with the ReplicaSet that the revision was started with. Pods of another
// ReplicaSet run what a hand wrote, and never count (SPEC 5.3, 5.4).
func TestTemplateFromAHand(t *testing.T) {
	set := func(name, image string, made time.Time) *appsv1.ReplicaSet {
		labels := map[string]string{release.LabelRevision: "bb", "pod-template-hash": name}
		return &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, CreationTimestamp: metav1.NewTime(made)},
			Spec: appsv1.ReplicaSetSpec{Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image}}},
			}},
		}
	}
	of := func(set string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			yes := true
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: set, Controller: &yes}}
		}
	}
	ours, theirs := set("ours", "web:v2", noon.Add(-time.Hour)), set("theirs", "web:debug", noon)
	ours.Status.ReadyReplicas, theirs.Status.ReadyReplicas = 1, 1
	d := deployment("green", "bb", 2, nil)
	write := func(image string) {
		template := map[string]any{
			"metadata": map[string]any{"labels": map[string]any{release.LabelRevision: "bb"}},
			"spec":     map[string]any{"containers": []any{map[string]any{"name": "web", "image": image, "resources": map[string]any{}}}},
		}
		if err := unstructured.SetNestedMap(d.Object, template, "spec", "template"); err != nil {
			t.Fatal(err)
		}
	}
	long := noon.Add(-time.Minute)
	pods := []*corev1.Pod{pod("a", "green", "bb", long, of("ours")), pod("b", "green", "bb", long, of("theirs"))}
	write("web:v2")
	if got := slotSeen(noon, d, []*appsv1.ReplicaSet{ours}, pods[:1]); got.Edited || got.Foreign != 0 || got.Ready != 1 {
		t.Errorf("as Git has it: %+v", got)
	}
	write("web:debug")
	if got := slotSeen(noon, d, []*appsv1.ReplicaSet{ours}, pods[:1]); !got.Edited || got.Foreign != 0 || got.Ready != 1 {
		t.Errorf("a hand wrote it, and it does not run: %+v", got)
	}
	if got := slotSeen(noon, d, []*appsv1.ReplicaSet{theirs, ours}, pods); !got.Edited || got.Foreign != 1 || got.Ready != 1 {
		t.Errorf("it runs in one pod: %+v", got)
	}
	// Ours is noted from its first pod on: when it is gone no other is taken for it.
	d.SetAnnotations(map[string]string{noteOrigin: "ours"})
	if got := slotSeen(noon, d, []*appsv1.ReplicaSet{theirs}, pods[1:]); got.Foreign != 1 || got.Ready != 0 || got.Started {
		t.Errorf("the hand's ReplicaSet alone: %+v", got)
	}
}

// The watch of pods may be later than the others: pods of a colour that was emptied and filled
// again a moment ago look ready there, and are gone. Their ReplicaSet counts those that are (SPEC 5.14).
func TestPodsShownLate(t *testing.T) {
	yes := true
	var pods []*corev1.Pod
	for _, name := range []string{"a", "b", "c"} {
		p := pod(name, "green", "bb", noon.Add(-time.Minute))
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "ours", Controller: &yes}}
		pods = append(pods, p)
	}
	for _, counted := range []int32{0, 1, 3, 4} {
		set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "ours", Labels: map[string]string{release.LabelRevision: "bb"}}}
		set.Status.ReadyReplicas = counted
		got := slotSeen(noon, deployment("green", "bb", 3, nil), []*appsv1.ReplicaSet{set}, pods)
		if want := min(counted, 3); got.Ready != want {
			t.Errorf("3 pods look ready, and their ReplicaSet counts %d: %d are", counted, got.Ready)
		}
	}
}

// While controllers lag, no more pods count than the lowest count that was asked for since
// they followed one: a raise keeps those that are there, and a lowering that was raised again
// does not (SPEC 5.14).
func TestLowestCount(t *testing.T) {
	for _, c := range []struct {
		name   string
		counts []int32 // each seen while the controllers lag
		first  bool    // the controllers were never seen to follow
		want   int32
	}{
		{"a raise", []int32{6}, false, 6},
		{"a lowering", []int32{1}, false, 1},
		{"lowered, and raised again", []int32{1, 5}, false, 1},
		{"seen for the first time", []int32{5}, true, 0},
	} {
		var low counts
		if !c.first {
			low.of("uid", false, 4)
		}
		var got int32
		for _, n := range c.counts {
			got = low.of("uid", true, n)
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		if low.of("uid", false, 5); low.of("uid", true, 5) != 5 {
			t.Errorf("%s: what was before it was followed is not forgotten", c.name)
		}
	}
}

func slotSeen(now time.Time, d *unstructured.Unstructured, sets []*appsv1.ReplicaSet, pods []*corev1.Pod) strategies.Slot {
	return slotOf(now, d, decode[appsv1.Deployment](&Cluster{}, d), sets, pods)
}
