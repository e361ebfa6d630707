package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// A wire is the API server as far as requests go: it holds objects to be read and
// writes down what it was asked to write. It applies nothing.
type wire struct {
	*Cluster
	stores stores
	live   map[string]*unstructured.Unstructured // Services, as the server has them
	asks   []string                              // each write: verb, resource, name, manager, body
	reads  int
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{live: map[string]*unstructured.Unstructured{}}
	client := fake.NewSimpleDynamicClient(runtime.NewScheme())
	client.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if get, ok := a.(clienttesting.GetAction); ok && a.GetVerb() == "get" {
			w.reads++
			if o := w.live[get.GetName()]; o != nil {
				return true, o.DeepCopy(), nil
			}
			return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: a.GetResource().Resource}, get.GetName())
		}
		w.asks = append(w.asks, said(a))
		answer := &unstructured.Unstructured{Object: map[string]any{"kind": kindOf(a.GetResource().Resource)}}
		if c, ok := a.(clienttesting.CreateActionImpl); ok { // who makes an object owns all of it
			answer = c.GetObject().(*unstructured.Unstructured).DeepCopy()
			answer.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: c.CreateOptions.FieldManager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: answer.GetAPIVersion(), FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:spec":{}}`)}}})
		}
		answer.SetResourceVersion("1000")
		answer.SetUID("uid-made")
		if p, ok := a.(clienttesting.PatchAction); ok {
			answer.SetName(p.GetName())
		}
		return true, answer, nil
	})
	w.stores = stores{}
	for kind := range Watched {
		w.stores[kind] = cache.NewIndexer(cache.MetaNamespaceKeyFunc, Indexers(kind))
	}
	w.Cluster = Over(client, w.stores, clock{}, "shop", release.Options{})
	return w
}

// stores are watches that show what the test puts there.
type stores map[string]cache.Indexer

func (s stores) Store(kind string) cache.Indexer { return s[kind] }

func (s stores) Refused(string) *Refusal { return nil }

func (s stores) Start(context.Context, func(*unstructured.Unstructured)) error { return nil }

func kindOf(resource string) string {
	for kind, r := range Watched {
		if r.Resource == resource {
			return kind
		}
	}
	return ""
}

func said(a clienttesting.Action) string {
	line := a.GetVerb() + " " + a.GetNamespace() + "/" + a.GetResource().Resource
	switch a := a.(type) {
	case clienttesting.PatchActionImpl:
		how := string(a.GetPatchType())
		if force := a.PatchOptions.Force; a.GetPatchType() == types.ApplyPatchType && (force == nil || !*force) {
			how += ", not forced"
		}
		return fmt.Sprintf("%s %s by %s, %s\n%s", line, a.GetName(), a.PatchOptions.FieldManager, how, a.GetPatch())
	case clienttesting.CreateActionImpl:
		text, _ := json.Marshal(a.Object)
		return fmt.Sprintf("%s by %s\n%s", line, a.CreateOptions.FieldManager, text)
	case clienttesting.DeleteActionImpl:
		options, _ := json.Marshal(a.DeleteOptions)
		return fmt.Sprintf("%s %s %s", line, a.GetName(), options)
	}
	return line
}

// shows puts objects before the watch.
func (w *wire) shows(t *testing.T, objects ...any) {
	t.Helper()
	for _, o := range objects {
		u := plain(t, o)
		if err := w.stores[u.GetKind()].Add(u); err != nil {
			t.Fatal(err)
		}
		if u.GetKind() == "Service" {
			w.live[u.GetName()] = u
		}
	}
}

func plain(t *testing.T, o any) *unstructured.Unstructured {
	t.Helper()
	if u, ok := o.(*unstructured.Unstructured); ok {
		return u
	}
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: m}
}

// track is a revision in a colour behind Service web.
func track(revision string, color strategies.Color) *strategies.Track {
	return &strategies.Track{Revision: revision, Color: color, Attempt: 1, Workloads: map[string]strategies.Workload{"web": {Labels: map[string]string{"app": "web"}}}, Selectors: map[string]map[string]string{"web": {"app": "web"}}}
}

// inFlight is rollout web with stable in blue and a candidate in green.
func inFlight() Subject {
	return Subject{Rollout: "web", State: strategies.State{Stable: track("aaaaaaaaaa", strategies.Blue), Candidate: track("bbbbbbbbbb", strategies.Green)}}
}

func service(selector map[string]string, notes map[string]string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "spec": map[string]any{"clusterIP": "10.0.0.1"}}}
	o.SetName("web")
	o.SetNamespace("shop")
	o.SetUID("uid-web")
	o.SetResourceVersion("41")
	o.SetLabels(map[string]string{release.LabelRollout: "web"})
	if notes != nil {
		o.SetAnnotations(notes)
	}
	if selector != nil {
		_ = unstructured.SetNestedStringMap(o.Object, selector, "spec", "selector")
	}
	return o
}

func pinned(color, revision string) map[string]string {
	return map[string]string{"app": "web", release.LabelColor: color, release.LabelRevision: revision}
}

func deployment(color, revision string, replicas int64, notes map[string]string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{
		"replicas": replicas,
		"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{release.LabelRevision: revision}}},
	}}}
	o.SetName("web-" + color)
	o.SetNamespace("shop")
	o.SetUID("uid-" + "web-" + "x")
	o.SetResourceVersion("40")
	o.SetGeneration(6)
	o.SetLabels(map[string]string{release.LabelRollout: "web"})
	if notes != nil {
		o.SetAnnotations(notes)
	}
	return o
}

// pod is one of a colour, ready since a moment; the zero moment is never.
func pod(name, color, revision string, since time.Time, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "shop", Labels: map[string]string{release.LabelColor: color, release.LabelRevision: revision},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-" + color + "-5d8f7c6b9"}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}},
	}
	if !since.IsZero() {
		p.Status.Conditions[0] = corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(since)}
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func slice(name, service string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		TypeMeta:   metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", Labels: map[string]string{"kubernetes.io/service-name": service}},
		Endpoints:  endpoints,
	}
}

func endpoint(pod string, ready *bool) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{"10.1.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	if pod != "" {
		e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: pod}
	}
	return e
}

// released is a commit of rollout web: Deployment web, Service web, ConfigMap notes and, where
// previews are wanted, Service web-preview.
func released(t *testing.T, previews bool) *release.Release {
	t.Helper()
	const text = `[
		{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
			"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:v1"}]}}}},
		{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}},
		{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes"}, "data": {"a": "1"}}]`
	var objects []*unstructured.Unstructured
	var all []map[string]any
	if err := utiljson.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		objects = append(objects, &unstructured.Unstructured{Object: o})
	}
	r, err := release.Read("web", "web", "shop", strategies.Spec{Previews: previews}, objects)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// named is an object with nothing but its name and, of a rollout, its label.
func named(apiVersion, kind, name, rollout string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	o.SetName(name)
	o.SetNamespace("shop")
	o.SetUID("uid-of-" + types.UID(name))
	o.SetResourceVersion("9")
	if rollout != "" {
		o.SetLabels(map[string]string{release.LabelRollout: rollout})
	}
	return o
}

// asked is what a write asked for, its JSON with keys in order.
func body(t *testing.T, ask string) any {
	t.Helper()
	_, text, _ := strings.Cut(ask, "\n")
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, ask)
	}
	return v
}
