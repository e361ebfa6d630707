package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kexal/kexal/strategies"
)

var quotas = schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}

// A template is a workload, a pod of it as the server would admit it, with what LimitRanges add, and
// how many more of them there are to be.
type template struct {
	workload *unstructured.Unstructured
	pod      *unstructured.Unstructured
	more     int32
}

// room compares what more pods would take with what each ResourceQuota leaves (SPEC 6.7):
// a dry-run of one pod tells of one pod only, and a rollout that starves half-way helps
// nobody. What is left in the candidate's slots is gone before its first pod, and counts as room.
// A quota with scopes is left to the server: which pods it counts is the server's to say.
func (c *Cluster) room(ctx context.Context, color strategies.Color, surge []template) error {
	need, freed := corev1.ResourceList{}, corev1.ResourceList{}
	var starts []string
	for _, t := range surge {
		pod := &corev1.Pod{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(t.pod.Object, pod); err != nil {
			return fmt.Errorf("the pod that the server would admit: %w", err)
		}
		for range t.more {
			add(need, takes(pod))
		}
		for _, old := range c.podsOf(t.workload.GetName())[color] {
			add(freed, takes(old))
		}
		if t.more > 0 {
			starts = append(starts, fmt.Sprintf("%d more pods of Deployment %s", t.more, t.workload.GetName()))
		}
	}
	if len(starts) == 0 {
		return nil
	}
	list, err := c.client.Resource(quotas).Namespace(c.namespace).List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		return nil // a Role without this right starts and sees
	}
	if err != nil {
		return judge("read ResourceQuotas", err)
	}
	for _, o := range list.Items {
		quota := &corev1.ResourceQuota{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, quota) != nil || len(quota.Spec.Scopes) > 0 || quota.Spec.ScopeSelector != nil {
			continue
		}
		if short := lacks(quota, need, freed); len(short) > 0 {
			return mistaken(&Refusal{
				What:  "starting " + strings.Join(starts, " and "),
				Words: fmt.Sprintf("exceeded quota: ResourceQuota %s has no room for %s", quota.Name, strings.Join(short, ", ")),
			}, surge[0].workload)
		}
	}
	return nil
}

// Lacks says what a quota would be exceeded by when so many more pods of each template were
// started, such as "pods: 5 more, of 8 in all"; nothing where there is room, and of a quota with scopes.
func Lacks(quota *corev1.ResourceQuota, more map[*unstructured.Unstructured]int32) []string {
	if len(quota.Spec.Scopes) > 0 || quota.Spec.ScopeSelector != nil {
		return nil
	}
	need := corev1.ResourceList{}
	for template, n := range more {
		pod := &corev1.Pod{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(template.Object, pod) != nil {
			return nil
		}
		for range n {
			add(need, takes(pod))
		}
	}
	return lacks(quota, need, corev1.ResourceList{})
}

// lacks says what a quota would be exceeded by, such as "pods: 5 of 8".
func lacks(quota *corev1.ResourceQuota, need, freed corev1.ResourceList) []string {
	var short []string
	for _, name := range slices.Sorted(maps.Keys(quota.Spec.Hard)) {
		more, counts := need[asNeeded(name)]
		if !counts {
			continue
		}
		hard, after := quota.Spec.Hard[name], quota.Status.Used[name].DeepCopy()
		after.Sub(freed[asNeeded(name)])
		after.Add(more)
		if after.Cmp(hard) > 0 {
			short = append(short, fmt.Sprintf("%s: %s more, of %s in all", name, more.String(), hard.String()))
		}
	}
	return short
}

// asNeeded is a quota's name of a resource as [takes] has it: requests may be named without
// saying so.
func asNeeded(name corev1.ResourceName) corev1.ResourceName {
	switch name {
	case corev1.ResourceCPU:
		return corev1.ResourceRequestsCPU
	case corev1.ResourceMemory:
		return corev1.ResourceRequestsMemory
	case "count/pods":
		return corev1.ResourcePods
	}
	return name
}

// takes is what a pod counts for in a quota: the sum of its containers, or its largest
// init container where that is more.
func takes(p *corev1.Pod) corev1.ResourceList {
	all := corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")}
	if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return corev1.ResourceList{}
	}
	for _, c := range p.Spec.Containers {
		add(all, counted(c.Resources))
	}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil { // it goes on beside the others
			add(all, counted(c.Resources))
			continue
		}
		for name, amount := range counted(c.Resources) {
			if had := all[name]; amount.Cmp(had) > 0 {
				all[name] = amount
			}
		}
	}
	return all
}

func counted(r corev1.ResourceRequirements) corev1.ResourceList {
	all := corev1.ResourceList{}
	for name, amount := range r.Requests {
		all["requests."+name] = amount
	}
	for name, amount := range r.Limits {
		all["limits."+name] = amount
	}
	return all
}

func add(into, more corev1.ResourceList) {
	for name, amount := range more {
		sum := into[name].DeepCopy()
		sum.Add(amount)
		into[name] = sum
	}
}
