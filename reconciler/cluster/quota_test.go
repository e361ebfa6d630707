package cluster

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func amounts(text string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for word := range strings.FieldsSeq(text) {
		name, amount, _ := strings.Cut(word, "=")
		list[corev1.ResourceName(name)] = resource.MustParse(amount)
	}
	return list
}

func container(requests, limits string) corev1.Container {
	return corev1.Container{Resources: corev1.ResourceRequirements{Requests: amounts(requests), Limits: amounts(limits)}}
}

// A pod counts once, with the sum of its containers or its largest init container; one
// that is through counts no more.
func TestWhatAPodTakes(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	side := container("cpu=10m", "")
	side.RestartPolicy = &always
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		Containers:     []corev1.Container{container("cpu=100m memory=64Mi", "memory=128Mi"), container("cpu=50m", "")},
		InitContainers: []corev1.Container{container("cpu=20m memory=1Gi", ""), side},
	}}
	for name, want := range amounts("pods=1 requests.cpu=160m requests.memory=1Gi limits.memory=128Mi") {
		got := takes(pod)[name]
		if got.Cmp(want) != 0 {
			t.Errorf("%s: %s, want %s", name, got.String(), want.String())
		}
	}
	pod.Status.Phase = corev1.PodFailed
	if got := takes(pod); len(got) != 0 {
		t.Errorf("a pod that is through takes %v", got)
	}
}

// All pods that come must fit what is left, with what the candidate's slot gives back.
func TestRoomInAQuota(t *testing.T) {
	for _, c := range []struct{ hard, used, need, freed, want string }{
		{"pods=10", "pods=5", "pods=5", "", ""},
		{"pods=9", "pods=5", "pods=5", "", "pods: 5 more, of 9 in all"},
		{"pods=9", "pods=6", "pods=5", "pods=2", ""},
		{"count/pods=9", "count/pods=5", "pods=5", "", "count/pods: 5 more, of 9 in all"},
		{"cpu=1", "cpu=600m", "pods=5 requests.cpu=500m", "", "cpu: 500m more, of 1 in all"},
		{"requests.memory=1Gi limits.memory=1Gi", "requests.memory=512Mi limits.memory=1Gi", "requests.memory=512Mi limits.memory=1Mi", "", "limits.memory: 1Mi more, of 1Gi in all"},
		{"services=1", "services=1", "pods=5", "", ""},
		{"pods=2 cpu=1", "pods=2 cpu=1", "pods=1 requests.cpu=1", "", "cpu: 1 more, of 1 in all; pods: 1 more, of 2 in all"},
	} {
		quota := &corev1.ResourceQuota{Spec: corev1.ResourceQuotaSpec{Hard: amounts(c.hard)}, Status: corev1.ResourceQuotaStatus{Used: amounts(c.used)}}
		if got := strings.Join(lacks(quota, amounts(c.need), amounts(c.freed)), "; "); got != c.want {
			t.Errorf("%s with %s used, and %s more: %q, want %q", c.hard, c.used, c.need, got, c.want)
		}
	}
}

// A plan asks without a server: what the template says is what a pod takes. Which pods a
// quota with scopes counts is the server's to say.
func TestWhatAQuotaLacksForATemplate(t *testing.T) {
	pod, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{container("cpu=100m", "")}}})
	if err != nil {
		t.Fatal(err)
	}
	quota := &corev1.ResourceQuota{Spec: corev1.ResourceQuotaSpec{Hard: amounts("pods=8 cpu=1")}, Status: corev1.ResourceQuotaStatus{Used: amounts("pods=5 cpu=500m")}}
	for more, want := range map[int32]string{3: "", 4: "pods: 4 more, of 8 in all", 6: "cpu: 600m more, of 1 in all; pods: 6 more, of 8 in all"} {
		if got := strings.Join(Lacks(quota, map[*unstructured.Unstructured]int32{{Object: pod}: more}), "; "); got != want {
			t.Errorf("%d more: %q, want %q", more, got, want)
		}
	}
	quota.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeBestEffort}
	if got := Lacks(quota, map[*unstructured.Unstructured]int32{{Object: pod}: 6}); got != nil {
		t.Errorf("with scopes: %v", got)
	}
}
