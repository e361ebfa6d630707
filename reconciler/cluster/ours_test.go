package cluster

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// An object of somebody else that has a name of the release's is in the way: the rollout is held,
// and no write has it for its fence (SPEC 5.19).
func TestNotOurs(t *testing.T) {
	label := func(o *unstructured.Unstructured, rollout string) *unstructured.Unstructured {
		o.SetLabels(map[string]string{release.LabelRollout: rollout})
		return o
	}
	for _, c := range []struct {
		name   string
		object *unstructured.Unstructured
		what   string
		render bool // a commit is at hand
	}{
		{"a colour's Deployment of another rollout", label(deployment("green", "bbbbbbbbbb", 3, nil), "api"), "Deployment web-green", false},
		{"a colour's Deployment of nobody", named("apps/v1", "Deployment", "web-green", ""), "Deployment web-green", false},
		{"a Service of another rollout", label(service(pinned("blue", "aaaaaaaaaa"), nil), "api"), "Service web", false},
		{"the same, beside a commit", label(service(pinned("blue", "aaaaaaaaaa"), nil), "api"), "Service web", true},
		{"a shared object of nobody", named("v1", "ConfigMap", "notes", ""), "ConfigMap notes", true},
		{"what serves under the plain name", named("apps/v1", "Deployment", "web", ""), "Deployment web", true},
		{"even with our label", named("apps/v1", "Deployment", "web", "web"), "Deployment web", true},
	} {
		w := newWire(t)
		w.shows(t, c.object)
		subject := inFlight()
		if c.render {
			subject.Release = released(t, false)
		}
		s := w.Observe(noon, subject)
		if !strings.HasPrefix(s.Held, c.what+" is there already and is not part of rollout web") {
			t.Errorf("%s: it is held by %q", c.name, s.Held)
		}
		if s.deployments["web"][strategies.Green] != nil || s.services["web"] != nil || s.Workloads["web"][strategies.Green].Exists {
			t.Errorf("%s: it is taken for ours", c.name)
		}
	}
	w := newWire(t)
	w.shows(t, service(pinned("blue", "aaaaaaaaaa"), nil), deployment("green", "bbbbbbbbbb", 3, nil), named("v1", "ConfigMap", "notes", "web"))
	subject := inFlight()
	subject.Release = released(t, false)
	if s := w.Observe(noon, subject); s.Held != "" || s.deployments["web"][strategies.Green] == nil || s.services["web"] == nil {
		t.Errorf("its own objects hold it: %q", s.Held)
	}
}

// A stranger is a Service that this rollout does not switch and whose selector the candidate's
// pods would match, all of it (SPEC 5.8, K10).
func TestStrangers(t *testing.T) {
	w := newWire(t)
	r := released(t, true)
	for name, selector := range map[string]map[string]string{
		"all":       {"app": "web"},
		"narrower":  {"app": "web", "tier": "front"},
		"of-green":  {"app": "web", release.LabelColor: "green"},
		"of-blue":   {"app": "web", release.LabelColor: "blue"},
		"of-others": {"app": "api"},
		"empty":     nil,
		"web":       {"app": "web"}, // is switched
	} {
		svc := named("v1", "Service", name, map[bool]string{true: "web"}[name == "web"])
		if selector != nil {
			_ = unstructured.SetNestedStringMap(svc.Object, selector, "spec", "selector")
		}
		w.shows(t, svc)
	}
	preview := named("v1", "Service", "web-preview", "web")
	annotate(preview, map[string]string{release.NotePreview: "web"})
	_ = unstructured.SetNestedStringMap(preview.Object, map[string]string{"app": "web"}, "spec", "selector")
	w.shows(t, preview)
	subject := inFlight()
	subject.Release = r
	if got, want := w.Observe(noon, subject).Strangers, []string{"all", "of-green"}; !slices.Equal(got, want) {
		t.Errorf("strangers are %q, want %q", got, want)
	}
}

// Only a preview that kexal made for this rollout is deleted, exactly as it was seen: its label
// and its annotation both say so. While nothing can be rendered nothing is left over.
func TestPrune(t *testing.T) {
	made := func(name, rollout, of string) *unstructured.Unstructured {
		svc := named("v1", "Service", name, rollout)
		if of != "" {
			annotate(svc, map[string]string{release.NotePreview: of})
		}
		return svc
	}
	w := newWire(t)
	w.shows(t, made("web-preview", "web", "web"), made("old-preview", "web", "old"), made("others-preview", "api", "old"), made("plain", "web", ""), made("nobodys-preview", "", "old"))
	subject := inFlight()
	if s := w.Observe(noon, subject); len(s.Leftover) != 0 {
		t.Errorf("nothing was rendered, and %q are left over", s.Leftover)
	}
	subject.Release = released(t, true)
	s := w.Observe(noon, subject)
	if !slices.Equal(s.Leftover, []string{"Service/old-preview"}) {
		t.Errorf("left over are %q", s.Leftover)
	}
	// What was seen is asked about once more: a hand may have taken the marks away since.
	s.Leftover = []string{"Service/old-preview", "Service/others-preview", "Service/plain", "Service/nobodys-preview", "Service/gone", "Deployment/web-green"}
	if err := w.Act(t.Context(), s, subject.State, strategies.Prune{}); err != nil {
		t.Fatal(err)
	}
	if len(w.asks) != 1 || !strings.HasPrefix(w.asks[0], "delete shop/services old-preview ") ||
		!strings.Contains(w.asks[0], `"uid":"uid-of-old-preview"`) || !strings.Contains(w.asks[0], `"resourceVersion":"9"`) {
		t.Errorf("it asks for %q", w.asks)
	}
}

// A copy of config goes when the release does not have it and nobody reads it any more: no template,
// no ReplicaSet with pods, no pod (SPEC 5.5). It is asked about once more before it is deleted.
func TestPruneConfig(t *testing.T) {
	config := func(name, rollout, of string) *unstructured.Unstructured {
		o := named("v1", "ConfigMap", name, rollout)
		if of != "" {
			annotate(o, map[string]string{release.NoteCopy: of})
		}
		return o
	}
	reads := func(o *unstructured.Unstructured, config string, path ...string) *unstructured.Unstructured {
		env := []any{map[string]any{"name": "web", "envFrom": []any{map[string]any{"configMapRef": map[string]any{"name": config}}}}}
		_ = unstructured.SetNestedSlice(o.Object, env, append(path, "containers")...)
		return o
	}
	set := func(name, config string, asked int64) *unstructured.Unstructured {
		o := reads(named("apps/v1", "ReplicaSet", name, "web"), config, "spec", "template", "spec")
		_ = unstructured.SetNestedField(o.Object, asked, "spec", "replicas")
		return o
	}
	w := newWire(t)
	w.shows(t,
		config("settings", "web", ""), config("settings-old", "web", "settings"), config("settings-others", "api", "settings"),
		config("settings-template", "web", "settings"), config("settings-set", "web", "settings"), config("settings-empty-set", "web", "settings"), config("settings-pod", "web", "settings"),
		reads(deployment("green", "bbbbbbbbbb", 0, nil), "settings-template", "spec", "template", "spec"),
		set("web-green-1", "settings-set", 1), set("web-green-2", "settings-empty-set", 0),
		reads(named("v1", "Pod", "web-green-1-x", "web"), "settings-pod", "spec"))
	subject := inFlight()
	subject.Release = released(t, true)
	s := w.Observe(noon, subject)
	if !slices.Equal(s.Leftover, []string{"ConfigMap/settings-empty-set", "ConfigMap/settings-old"}) {
		t.Errorf("left over are %q", s.Leftover)
	}
	s.Leftover = []string{"ConfigMap/settings-old", "ConfigMap/settings-pod", "ConfigMap/settings", "ConfigMap/settings-others"}
	if err := w.Act(t.Context(), s, subject.State, strategies.Prune{}); err != nil {
		t.Fatal(err)
	}
	if len(w.asks) != 1 || !strings.HasPrefix(w.asks[0], "delete shop/configmaps settings-old ") || !strings.Contains(w.asks[0], `"uid":"uid-of-settings-old"`) {
		t.Errorf("it asks for %q", w.asks)
	}
}

// The Deployment of a workload that went from Git and from every revision goes when it has no pods any
// more (SPEC 5.1): not one that has some, that a hand scaled, that is another rollout's or plain.
func TestPruneWorkloads(t *testing.T) {
	of := func(workload, rollout string, replicas int64) *unstructured.Unstructured {
		d := deployment("green", "bbbbbbbbbb", replicas, nil)
		d.SetName(release.Colored(workload, strategies.Green))
		d.SetUID("uid-of-" + types.UID(workload))
		_ = unstructured.SetNestedField(d.Object, "green", "spec", "template", "metadata", "labels", release.LabelColor)
		d.SetLabels(map[string]string{release.LabelRollout: rollout})
		return d
	}
	plain := of("plain", "web", 0)
	unstructured.RemoveNestedField(plain.Object, "spec", "template", "metadata", "labels", release.LabelColor)
	pod := named("v1", "Pod", "busy-green-1-x", "web")
	pod.SetOwnerReferences([]metav1.OwnerReference{{Kind: "ReplicaSet", Name: "busy-green-1"}})
	w := newWire(t)
	w.shows(t, of("web", "web", 0), of("api", "web", 0), of("asked", "web", 2), of("others", "api", 0), of("busy", "web", 0), plain, pod)
	subject := inFlight()
	subject.Release = released(t, true)
	s := w.Observe(noon, subject)
	if !slices.Equal(s.Leftover, []string{"Deployment/api-green"}) {
		t.Errorf("left over are %q", s.Leftover)
	}
	s.Leftover = append(s.Leftover, "Deployment/web-green", "Deployment/busy-green", "Deployment/asked-green", "Deployment/others-green")
	if err := w.Act(t.Context(), s, subject.State, strategies.Prune{}); err != nil {
		t.Fatal(err)
	}
	if len(w.asks) != 1 || !strings.HasPrefix(w.asks[0], "delete shop/deployments api-green ") || !strings.Contains(w.asks[0], `"uid":"uid-of-api"`) {
		t.Errorf("it asks for %q", w.asks)
	}
}
