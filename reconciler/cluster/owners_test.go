package cluster

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An apply carries a field as long as our own apply entry still owns it (SPEC 6.1, K1):
// another manager's entry, another operation or another field is not ours.
func TestOwns(t *testing.T) {
	live := service(map[string]string{"app": "web"}, nil)
	fields := func(text string) *metav1.FieldsV1 { return &metav1.FieldsV1{Raw: []byte(text)} }
	live.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Manager: "kexal", Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: fields(`{"f:spec":{"f:selector":{}}}`)},
		{Manager: "kexal", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: fields(`{"f:spec":{"f:ports":{"k:{\"port\":80}":{".":{}}}},"f:metadata":{"f:annotations":{"f:kexal.dev/epoch":{}}}}`)},
		{Manager: "kexal", Operation: metav1.ManagedFieldsOperationApply, Subresource: "status"},
		{Manager: "kexal-traffic", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: fields(`{"f:spec":{"f:selector":{}}}`)},
	})
	for _, c := range []struct {
		manager string
		path    []string
		want    bool
	}{
		{"kexal", []string{"spec", "ports"}, true},
		{"kexal", []string{"metadata", "annotations", "kexal.dev/epoch"}, true},
		{"kexal", []string{"metadata", "annotations", "kexal.dev/step"}, false},
		{"kexal", []string{"spec", "selector"}, false},
		{"kexal-traffic", []string{"spec", "selector"}, true},
		{"kexal-traffic", []string{"spec", "selector", "app"}, false},
		{"kexal-scale", []string{"spec", "selector"}, false},
	} {
		if got := owns(live, c.manager, c.path...); got != c.want {
			t.Errorf("%s owns %v: %v", c.manager, c.path, got)
		}
	}
}

// A template is a hand's when another manager owns any of it; what kexal put back is kexal's
// (SPEC 5.4, 6.1). Seen once: a template was put back, its ReplicaSet deleted, and no pod came
// any more, as what had been put back was taken for the edit.
func TestEditedTemplate(t *testing.T) {
	template := `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{"f:image":{}}}}}}}`
	for manager, want := range map[string]bool{"kexal": false, "kexal-scale": false, "kubectl": true} {
		live := deployment("green", "bb", 3, nil)
		live.SetManagedFields([]metav1.ManagedFieldsEntry{
			{Manager: "kexal", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: &metav1.FieldsV1{Raw: []byte(template)}},
			{Manager: "hand", Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:spec":{"f:paused":{}}}`)}},
			{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: &metav1.FieldsV1{Raw: []byte(template)}},
		})
		if got := othersOwn(live, "template"); got != want {
			t.Errorf("%s wrote it: edited %v", manager, got)
		}
	}
}

// A count is somebody else's when another manager owns it, an autoscaler through the scale subresource
// too (SPEC 2.3).
func TestRescaled(t *testing.T) {
	count := &metav1.FieldsV1{Raw: []byte(`{"f:spec":{"f:replicas":{}}}`)}
	for what, c := range map[string]struct {
		entry metav1.ManagedFieldsEntry
		want  bool
	}{
		"made":       {metav1.ManagedFieldsEntry{Manager: managerNew, Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: count}, false},
		"scaled":     {metav1.ManagedFieldsEntry{Manager: managerScale, Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: count}, false},
		"by hand":    {metav1.ManagedFieldsEntry{Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: count}, true},
		"autoscaled": {metav1.ManagedFieldsEntry{Manager: "kube-controller-manager", Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "scale", FieldsV1: count}, true},
	} {
		live := deployment("green", "bb", 3, nil)
		live.SetManagedFields([]metav1.ManagedFieldsEntry{c.entry})
		if got := othersOwn(live, "replicas"); got != c.want {
			t.Errorf("%s: somebody else's %v", what, got)
		}
	}
}

// A key is one token of a JSON pointer, whatever is in it (RFC 6901).
func TestEscape(t *testing.T) {
	for key, want := range map[string]string{"kexal.dev/epoch": "kexal.dev~1epoch", "a~b/c": "a~0b~1c", "~1": "~01", "plain": "plain"} {
		if got := escape(key); got != want {
			t.Errorf("%q is written %q, want %q", key, got, want)
		}
	}
}
