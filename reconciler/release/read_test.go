package release

import (
	"reflect"
	"slices"
	"testing"

	"github.com/kexal/kexal/strategies"
)

func stampOf(r *Release) strategies.Stamp {
	return strategies.Stamp{Revision: r.Revision, Step: 2, Epoch: 7}
}

// Images are those of the containers that serve, in their order, as status shows them.
// Without a count Kubernetes makes one pod.
func TestImagesAndReplicas(t *testing.T) {
	r := read(t, fixture(t, "shop.yaml"))
	want := []string{"registry.example/shop@sha256:8c1f0b6e2f1f6e7c0b2d0d4b3a1e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60", "registry.example/proxy:v3"}
	if !slices.Equal(r.Images, want) {
		t.Errorf("images are %q", r.Images)
	}
	web := fixture(t, "web.yaml")
	for text, want := range map[string]int32{"  replicas: 4\n": 4, "  replicas: 0\n": 0, "": 1} {
		if got := read(t, swap(t, web, "  replicas: 4\n", text)).Sizes["web"]; got != want {
			t.Errorf("with %q: %d replicas, want %d", text, got, want)
		}
	}
}

// Services that select the pods are switched; everything else is shared, written in the
// order of dependency, all of it in the agent's namespace.
func TestSorting(t *testing.T) {
	r := read(t, fixture(t, "shop.yaml")+`---
apiVersion: v1
kind: Service
metadata: {name: database}
spec: {selector: {app: database}}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, externalName: example.invalid}
`)
	var services, others []string
	for _, o := range r.Services {
		services = append(services, o.GetKind()+"/"+o.GetName())
	}
	for _, o := range slices.Concat(r.Others, r.Services) {
		if o.GetNamespace() != "shop" {
			t.Errorf("%s is for namespace %q", o.GetName(), o.GetNamespace())
		}
	}
	for _, o := range r.Others {
		others = append(others, o.GetKind()+"/"+o.GetName())
	}
	if !slices.Equal(services, []string{"Service/shop"}) {
		t.Errorf("switched: %q", services)
	}
	if want := []string{"ConfigMap/logo-2h4h6b8c9d", "ConfigMap/settings-4k2b7m9t5g", "ConfigMap/unused", "Service/database", "Service/outside", "Ingress/shop"}; !slices.Equal(others, want) {
		t.Errorf("shared: %q", others)
	}
}

// A track holds all that an abort needs (SPEC 6.5): the selectors as they are in Git
// and the ports by name, so that no render is asked for.
func TestTrack(t *testing.T) {
	r := read(t, fixture(t, "shop.yaml"))
	got := r.Track("c0ffee")
	kept := Remembered(&got, "shop")
	if kept == nil || kept.GetAnnotations()[NoteDigest] != r.Shared(r.Services[0]).GetAnnotations()[NoteDigest] || at(t, kept.Object, "spec", "selector") != nil || at(t, kept.Object, "spec", "ports", 0, "port") == nil {
		t.Errorf("the Service is remembered as %v", kept)
	}
	got.Services = nil
	want := strategies.Track{
		Revision: r.Revision, Commit: "c0ffee", Images: r.Images,
		Selectors: map[string]map[string]string{"shop": {"app": "shop"}},
		Workloads: map[string]strategies.Workload{"shop": {
			Ports:  map[string]int32{"http": 8080, "metrics": 9090},
			Labels: map[string]string{"app": "shop", "tier": "front", "version": "12e4567890"},
		}},
		Previews: map[string]map[string]string{},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the track is %+v", got)
	}
}

// A shared object is what Git says, with kexal's labels and the digest of what Git
// says; managed-by stays what Git sets (SPEC 5.1).
func TestShared(t *testing.T) {
	r := read(t, fixture(t, "shop.yaml"))
	own := r.Shared(r.Services[0])
	labels := own.GetLabels()
	if labels[LabelRollout] != "web" || labels[LabelManager] != "kexal" {
		t.Errorf("labels are %v", labels)
	}
	again, other := r.Shared(r.Services[0]), r.Shared(r.Others[0])
	note := own.GetAnnotations()[NoteDigest]
	if len(note) != 16 || note != again.GetAnnotations()[NoteDigest] || note == other.GetAnnotations()[NoteDigest] {
		t.Errorf("digests are %q, %q, %q", note, again.GetAnnotations()[NoteDigest], other.GetAnnotations()[NoteDigest])
	}
	helm := read(t, swap(t, fixture(t, "web.yaml"), "metadata: {name: web}\n", "metadata: {name: web, labels: {app.kubernetes.io/managed-by: shop-team}}\nstatus: {loadBalancer: {}}\n"))
	made := helm.Shared(helm.Services[0])
	if made.GetLabels()[LabelManager] != "shop-team" || made.Object["status"] != nil {
		t.Errorf("made %v", made.Object)
	}
}
