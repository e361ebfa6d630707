package cluster

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// slotOf reads one colour: its Deployment, as it came and as d, the ReplicaSets of that, and
// the colour's pods.
func slotOf(now time.Time, u *unstructured.Unstructured, d *appsv1.Deployment, sets []*appsv1.ReplicaSet, pods []*corev1.Pod) strategies.Slot {
	slot := strategies.Slot{}
	staying := int32(0)
	for _, p := range pods {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		slot.Pods++
		if p.DeletionTimestamp == nil {
			staying++
		}
	}
	if u == nil || d == nil {
		return slot
	}
	slot.Exists, slot.Deleting = true, d.DeletionTimestamp != nil
	slot.Revision = d.Spec.Template.Labels[release.LabelRevision]
	slot.Desired, slot.Rescaled = value(d.Spec.Replicas, 1), othersOwn(u, "replicas")
	slot.Paused = d.Spec.Paused
	named := d.Annotations[noteOrigin]
	origin := originOf(sets, slot.Revision, named)
	if origin != nil {
		named = origin.Name
	}
	if origin != nil {
		slot.Edited = !apiequality.Semantic.DeepEqual(templateOf(origin), d.Spec.Template)
	} else {
		slot.Edited = othersOwn(u, "template")
	}
	slot.TouchedAt, _ = time.Parse(time.RFC3339, d.Annotations[noteTouched])
	slot.Aborted = d.Annotations[release.NoteAborted]
	slot.Epoch = epochOf(u)
	slot.Step, _ = strconv.Atoi(d.Annotations[release.NoteStep])
	// A pod is ready since a moment of its kubelet's clock. When ours is behind that, or was
	// set back, it counts later than minReadySeconds say; without them it counts at once.
	settle := time.Duration(d.Spec.MinReadySeconds) * time.Second
	for _, p := range pods {
		if p.Labels[release.LabelRevision] != slot.Revision || p.DeletionTimestamp != nil {
			continue
		}
		if owner := metav1.GetControllerOf(p); named != "" && owner != nil && owner.Name != named {
			slot.Foreign++
			continue
		}
		if crash, ever := crashed(p); ever {
			slot.Crashed = append(slot.Crashed, crash)
		}
		since, ready := readySince(p)
		if !ready {
			// Of several the first by the alphabet: pods come in any order.
			if trouble := podTrouble(p); trouble != "" && (slot.Trouble == "" || trouble < slot.Trouble) {
				slot.Trouble = trouble
			}
			continue
		}
		if at := since.Add(settle); settle > 0 && at.After(now) {
			if slot.NextAt.IsZero() || at.Before(slot.NextAt) {
				slot.NextAt = at
			}
			continue
		}
		slot.Ready++
		// A pod that was restarted is no new one: a crash loop is no progress (SPEC 5.23).
		if at := since.Add(settle); at.After(slot.ReadyAt) && !hasCrashed(p) {
			slot.ReadyAt = at
		}
	}
	if slot.Started = origin != nil; slot.Started {
		// The watch of pods may be later than the others, and pods that went look ready there: what
		// their ReplicaSet counts is a second witness.
		slot.Ready = min(slot.Ready, origin.Status.ReadyReplicas)
	}
	slot.Lags = lags(d, slot.Desired, sets, staying)
	if words := starved(sets); words != "" {
		slot.Starved, slot.Trouble = strings.Contains(words, "exceeded quota"), words
	}
	return slot
}

// noteOrigin names the ReplicaSet that a colour was started with, from its first pod on: one
// that a hand's template makes later is never taken for it, whatever became of the first.
const noteOrigin = "kexal.dev/replicaset"

// originOf is the ReplicaSet that a revision was started with: the one that is noted, before
// that the oldest. Any other is of a template that a hand wrote; nil = it is not there.
func originOf(sets []*appsv1.ReplicaSet, revision, named string) (origin *appsv1.ReplicaSet) {
	for _, set := range sets {
		if set.DeletionTimestamp == nil && set.Labels[release.LabelRevision] == revision &&
			(named == "" || set.Name == named) &&
			(origin == nil || set.CreationTimestamp.Before(&origin.CreationTimestamp)) {
			origin = set
		}
	}
	return origin
}

// templateOf is a ReplicaSet's template as its Deployment had it.
func templateOf(set *appsv1.ReplicaSet) corev1.PodTemplateSpec {
	template := *set.Spec.Template.DeepCopy()
	delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return template
}

// setsOf are a Deployment's ReplicaSets.
func (c *Cluster) setsOf(d *unstructured.Unstructured) []*appsv1.ReplicaSet {
	if d == nil {
		return nil
	}
	var sets []*appsv1.ReplicaSet
	for _, u := range c.all("ReplicaSet") {
		if !metav1.IsControlledBy(u, d) {
			continue
		}
		if set := decode[appsv1.ReplicaSet](c, u); set != nil {
			sets = append(sets, set)
		}
	}
	return sets
}

// lags tells that the controllers have yet to follow the Deployment's count. A count goes
// from it to its ReplicaSet and from there to pods, and each of the two says which
// generation it has followed: until both have followed the last one, pods may be about to
// go because of one before it.
func lags(d *appsv1.Deployment, desired int32, sets []*appsv1.ReplicaSet, staying int32) bool {
	if d.Status.ObservedGeneration < d.Generation {
		return true
	}
	var counts []int32
	for _, set := range sets {
		if set.Status.ObservedGeneration < set.Generation {
			return true
		}
		if set.Spec.Replicas == nil || *set.Spec.Replicas > 0 || set.Status.Replicas > 0 {
			counts = append(counts, value(set.Spec.Replicas, 1))
		}
	}
	switch len(counts) {
	case 0:
		return staying > desired
	case 1:
		return counts[0] != desired || staying > desired
	}
	return false // a hand made it roll, and no count says any more what each has
}

// starved is why ReplicaSets can make no pods: quota, or admission. A paused Deployment
// does not repeat it in its own conditions. The random name of the pod that was refused,
// and what is used now, are cut out: the same trouble gives the same sentence (SPEC 7.4).
func starved(sets []*appsv1.ReplicaSet) string {
	for _, set := range sets {
		for _, condition := range set.Status.Conditions {
			if condition.Type == appsv1.ReplicaSetReplicaFailure && condition.Status == corev1.ConditionTrue {
				words, _, _ := strings.Cut(condition.Message, ", used:")
				return refusedPod.ReplaceAllString(words, "its pods are forbidden")
			}
		}
	}
	return ""
}

func value(count *int32, unsaid int32) int32 {
	if count == nil {
		return unsaid
	}
	return *count
}

var numbers = regexp.MustCompile(`\b\d+(/\d+)? `)

var refusedPod = regexp.MustCompile(`pods "[^"]*" is forbidden`)

func readySince(p *corev1.Pod) (time.Time, bool) {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.LastTransitionTime.Time, c.Status == corev1.ConditionTrue
		}
	}
	return time.Time{}, false
}

func hasCrashed(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.RestartCount > 0 })
}

// crashed is the last crash of the pod's container that crashes most.
func crashed(p *corev1.Pod) (last strategies.Crash, ever bool) {
	for _, s := range p.Status.ContainerStatuses {
		ends := []*corev1.ContainerStateTerminated{s.LastTerminationState.Terminated, s.State.Terminated}
		for _, end := range ends {
			if end == nil {
				continue
			}
			ever = true
			last.Again = last.Again || s.RestartCount > 1
			if end.FinishedAt.After(last.At) {
				last.At = end.FinishedAt.Time
			}
		}
	}
	return last, ever
}

// podTrouble is what Kubernetes names as the reason why a pod does not become ready,
// without the pod's name: the same trouble gives the same sentence.
func podTrouble(p *corev1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			words, _, _ := strings.Cut(c.Message, " preemption:")
			return "Unschedulable: " + strings.TrimSpace(numbers.ReplaceAllString(words, ""))
		}
	}
	for _, s := range p.Status.ContainerStatuses {
		if t := s.LastTerminationState.Terminated; t != nil && s.RestartCount > 0 {
			return fmt.Sprintf("container %s exits with code %d and is restarted (CrashLoopBackOff)", s.Name, t.ExitCode)
		}
		if w := s.State.Waiting; w != nil {
			switch w.Reason {
			case "ErrImagePull", "ImagePullBackOff":
				return fmt.Sprintf("container %s: image %s cannot be pulled", s.Name, s.Image)
			case "CreateContainerConfigError", "CreateContainerError", "InvalidImageName", "RunContainerError":
				return fmt.Sprintf("container %s: %s: %s", s.Name, w.Reason, w.Message)
			}
		}
	}
	return ""
}

// counts remember the lowest count of each Deployment since its controllers followed one:
// while they lag, pods beyond it may be about to go. Every count that kexal writes is seen
// here before it writes another.
type counts struct {
	mu  sync.Mutex
	low map[types.UID]int32 // for one that is followed the highest there is
}

// mostCounts bounds what is remembered of Deployments that are long gone. To forget one that
// is not gone is safe: it is then one of which nothing is known.
const mostCounts = 1000

// of is what to fear for; 0 for one that was never seen to be followed: nobody knows what
// was asked of it before.
func (c *counts) of(uid types.UID, lags bool, desired int32) int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.low == nil || len(c.low) >= mostCounts {
		c.low = map[types.UID]int32{}
	}
	if !lags {
		c.low[uid] = math.MaxInt32
		return 0
	}
	low, known := c.low[uid]
	if !known {
		return 0
	}
	c.low[uid] = min(low, desired)
	return c.low[uid]
}
