package plan

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/reconciler"
	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

func object(kind string, fields map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": "web", "namespace": "shop"}}}
	for k, v := range fields {
		o.Object[k] = v
	}
	return o
}

func releaseOf(others ...*unstructured.Unstructured) *release.Release {
	return &release.Release{Workloads: []*unstructured.Unstructured{object("Deployment", nil)}, Others: others}
}

// A plan stands in a merge request, where many read it: of a Secret it shows which keys
// change, and no value.
func TestSecretsAreMasked(t *testing.T) {
	secret := func(values map[string]any) *release.Release {
		return releaseOf(object("Secret", map[string]any{"stringData": values}))
	}
	before := secret(map[string]any{"kept": "hunter1", "changed": "hunter2", "gone": "hunter3"})
	after := secret(map[string]any{"kept": "hunter1", "changed": "hunter4", "new": "hunter5"})
	for name, from := range map[string]*release.Release{"changed": before, "created": nil} {
		got, err := changes(from, after, false)
		if err != nil {
			t.Fatal(err)
		}
		secret := got[len(got)-1]
		if secret.Kind != "Secret" || strings.Contains(secret.Diff, "hunter") {
			t.Errorf("%s: %+v", name, secret)
		}
		want := []string{"-  changed: '*** (before)'", "+  changed: '*** (after)'", "-  gone: '***'", " kept: '***'", "+  new: '***'"}
		for _, line := range want {
			if from != nil && !strings.Contains(secret.Diff, line) {
				t.Errorf("no %q in\n%s", line, secret.Diff)
			}
		}
	}
	if got, err := changes(before, before, false); err != nil || len(got) != 0 {
		t.Errorf("a Secret that stays as it is changes: %+v, %v", got, err)
	}
	if values := before.Others[0].Object["stringData"].(map[string]any); values["changed"] != "hunter2" {
		t.Errorf("the release itself was masked: %v", values)
	}
}

// Counts are an autoscaler's to say where there is one.
func TestAnAutoscalerIsSaid(t *testing.T) {
	p := Plan{Outcome: Applied, Replicas: 2}
	p.warn(Facts{Next: Side{Reading: reading(object("HorizontalPodAutoscaler", nil))}}, noCourse)
	if len(p.Warnings) != 1 || p.Warnings[0] != "HorizontalPodAutoscaler web may set other counts than those here" {
		t.Errorf("got %q", p.Warnings)
	}
}

// A quota hears of the pods that come on top of those that run.
func TestQuotasHearOfThePeak(t *testing.T) {
	p := Plan{Outcome: Rollout, Replicas: 5, Peak: 8}
	c := noCourse
	c.Rest = 5
	var heard int32
	quota := func(_ *release.Release, more int32) string { heard = more; return "no room" }
	c.Moments = append(c.Moments, momentOf(strategies.Healthy))
	p.warn(Facts{Next: Side{Reading: reading()}, Quotas: []Quota{quota}}, c)
	if heard != 3 || len(p.Warnings) != 1 || p.Warnings[0] != "no room" {
		t.Errorf("asked for %d pods: %q", heard, p.Warnings)
	}
}

func TestUnified(t *testing.T) {
	long := "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\n"
	for _, c := range []struct{ before, after, want string }{
		{"", "", ""},
		{long, long, ""},
		{"", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"a\nb\n", "", "@@ -1,2 +0,0 @@\n-a\n-b\n"},
		{"a\nb\nc\n", "a\nx\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"},
		// Far apart: two hunks. Close together: one.
		{long, strings.NewReplacer("a\n", "A\n", "m\n", "M\n").Replace(long), "@@ -1,4 +1,4 @@\n-a\n+A\n b\n c\n d\n@@ -10,4 +10,4 @@\n j\n k\n l\n-m\n+M\n"},
		{long, strings.NewReplacer("e\n", "", "h\n", "h\nH\n").Replace(long), "@@ -2,10 +2,10 @@\n b\n c\n d\n-e\n f\n g\n h\n+H\n i\n j\n k\n"},
	} {
		if got := unified(c.before, c.after); got != c.want {
			t.Errorf("%q → %q: got\n%swant\n%s", c.before, c.after, got, c.want)
		}
	}
}

func reading(others ...*unstructured.Unstructured) *reconciler.Reading {
	return &reconciler.Reading{Release: releaseOf(others...)}
}

var noCourse course.Course

func momentOf(phase strategies.Phase) course.Moment { return course.Moment{Phase: phase} }
