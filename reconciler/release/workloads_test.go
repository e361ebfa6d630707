package release

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// Every Deployment of a directory is coloured, and each Service belongs to the one whose pods it
// selects; what runs in any of them is the revision (SPEC 2.1, 5.1).
func TestWorkloads(t *testing.T) {
	web := fixture(t, "web.yaml")
	deployment, _, _ := strings.Cut(web, "---\n")
	api := strings.ReplaceAll(web, "web", "api")
	worker := strings.NewReplacer("web", "worker", "replicas: 4", "replicas: 2").Replace(deployment)
	r := read(t, web+"---\n"+api+"---\n"+worker)

	track := r.Track("c0ffee")
	if got := slices.Sorted(maps.Keys(track.Workloads)); !slices.Equal(got, []string{"api", "web", "worker"}) {
		t.Errorf("the workloads are %v", got)
	}
	if want := map[string]int32{"api": 4, "web": 4, "worker": 2}; !maps.Equal(r.Sizes, want) {
		t.Errorf("the sizes are %v", r.Sizes)
	}
	for _, service := range []string{"web", "api"} {
		if got := r.Behind(service); got != service || track.Behind(service) != service {
			t.Errorf("Service %s leads to %q, by the track to %q", service, got, track.Behind(service))
		}
	}
	if got := track.Behind("worker"); got != "" {
		t.Errorf("a Service that is not there leads to %q", got)
	}
	names := map[string]bool{}
	for _, w := range r.Workloads {
		for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
			names[r.Deployment(w, strategies.Stamp{}, c, Options{}).GetName()] = true
		}
	}
	if want := []string{"api-blue", "api-green", "web-blue", "web-green", "worker-blue", "worker-green"}; !slices.Equal(slices.Sorted(maps.Keys(names)), want) {
		t.Errorf("the Deployments are %v", names)
	}
	if other := read(t, web+"---\n"+api+"---\n"+strings.Replace(worker, ":v1", ":v2", 1)); other.Revision == r.Revision {
		t.Error("another image of the worker is no other revision")
	}
	if alone := read(t, web); alone.Revision == r.Revision {
		t.Error("a release without its other workloads is the same revision")
	}
}
