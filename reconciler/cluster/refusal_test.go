package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	deployments = schema.GroupResource{Group: "apps", Resource: "deployments"}
	rbac        = apierrors.NewForbidden(deployments, "web-green", errors.New(`User "system:serviceaccount:shop:kexal" cannot patch resource "deployments" in API group "apps" in the namespace "shop"`))
	admission   = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web-green-x", errors.New("exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4"))
)

// An answer of the API server is a conflict (observe and decide again), a refusal (the
// same answer comes again: the server's words go into status) or trouble that may pass
// (SPEC 6.6). Each kind is made here as the server makes it.
func TestJudge(t *testing.T) {
	failedTest := apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", schema.GroupResource{}, "",
		"testing value /metadata/generation failed: test failed", 0, false)
	invalid := apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, "web-green",
		field.ErrorList{field.Invalid(field.NewPath("spec", "replicas"), -1, "must be greater than or equal to 0")})
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"nothing", nil, "well"},
		{"a stale resourceVersion", apierrors.NewConflict(deployments, "web", errors.New("the object has been modified")), "conflict"},
		{"made by another meanwhile", apierrors.NewAlreadyExists(deployments, "web"), "conflict"},
		{"a field of another manager", apierrors.NewApplyConflict([]metav1.StatusCause{{Field: ".spec.replicas"}}, "Apply failed with 1 conflict"), "conflict"},
		{"a fence that does not hold", failedTest, "conflict"},
		{"a value that is not valid", invalid, "refusal"},
		{"the Role does not allow it", rbac, "refusal"},
		{"an admission plugin does not", admission, "refusal"},
		{"a body that cannot be read", apierrors.NewBadRequest("unknown field spec.replica"), "refusal"},
		{"who are you", apierrors.NewUnauthorized("token expired"), "trouble"},
		{"too many requests", apierrors.NewTooManyRequests("slow down", 1), "trouble"},
		{"an internal error", apierrors.NewInternalError(errors.New("etcd")), "trouble"},
		{"a webhook is away", apierrors.NewServiceUnavailable("try later"), "trouble"},
		{"the server took too long", apierrors.NewTimeoutError("request did not complete", 1), "trouble"},
		{"no server", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, "trouble"},
		{"no answer", fmt.Errorf("Patch: %w", net.ErrClosed), "trouble"},
		{"a conflict inside another error", fmt.Errorf("wrapped: %w", apierrors.NewConflict(deployments, "web", errors.New("modified"))), "conflict"},
	} {
		got := judge("scale Deployment web-green", c.err)
		var no *Refusal
		is := "trouble"
		switch {
		case got == nil:
			is = "well"
		case errors.Is(got, ErrConflict):
			is = "conflict"
		case errors.As(got, &no):
			is = "refusal"
		case !errors.Is(got, c.err):
			t.Errorf("%s: %v hides its cause", c.name, got)
		}
		if is != c.want {
			t.Errorf("%s is taken for %s, it is %s", c.name, is, c.want)
		}
		if got != nil && !strings.HasPrefix(got.Error(), "scale Deployment web-green") {
			t.Errorf("%s: %v does not say what was tried", c.name, got)
		}
	}
}

// People read the server's own words (SPEC 6.6).
func TestRefusalsWords(t *testing.T) {
	got := judge("start a pod", admission).Error()
	want := `start a pod is refused: pods "web-green-x" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// Both say "forbidden"; only the Role's no is mended by a rule, and that rule is
// printed (SPEC 6.10).
func TestForbidden(t *testing.T) {
	web := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web"}}}
	if !lacksRight(rbac) || lacksRight(admission) || lacksRight(apierrors.NewForbidden(deployments, "web", errors.New(`violates PodSecurity "restricted": it cannot run as root`))) {
		t.Error("RBAC's no and an admission plugin's are mixed up")
	}
	got := judge("scale Deployment web-green", rbac).Error() // whoever asked for it: in mid-rollout it is no author's mistake
	told := mistaken(judge("apply Deployment web", rbac), web).Error()
	if want := `: add {apiGroups: ["apps"], resources: [deployments], verbs: [get, list, watch, create, patch, delete]} to the rules of the agent's Role`; !strings.HasSuffix(got, want) || !strings.HasSuffix(told, want) {
		t.Errorf("got %s\nand %s\nwant … %s", got, told, want)
	}
	if got := mistaken(judge("apply Deployment web", admission), web).Error(); strings.Contains(got, "Role") {
		t.Errorf("a plugin's no is blamed on the Role: %s", got)
	}
	passing := errors.New("no server")
	if !errors.Is(mistaken(passing, web), passing) {
		t.Error("trouble that may pass is made something else")
	}
}

// A refusal is about a field of an object in Git, by whatever name the server calls it,
// and says what an author can do.
func TestMistaken(t *testing.T) {
	deployment := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web"},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{
			map[string]any{"name": "web", "ports": []any{map[string]any{"containerPort": int64(70000)}}},
		}}}},
	}}
	for _, c := range []struct{ words, field, says, fix string }{
		{`Deployment.apps "web-green-dry-run" is invalid: spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
			"spec template spec containers name=web ports 0 containerPort", `Deployment.apps "web-green" is invalid`, "write what the server allows"},
		{`Deployment.apps "web" is invalid: [spec.template.spec.containers[0].image: Required value, spec.x: Invalid]`,
			"spec template spec containers name=web image", "Required value", "add it"},
		{`failed to create typed patch object (shop/web-green-dry-run; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="web"].imagee: field not declared in schema`,
			"spec template spec containers name=web imagee", `refused: .spec.template.spec.containers[name="web"].imagee: field not declared`, "mend its spelling, or remove it"},
		{`Deployment.apps "web" is invalid: metadata.labels: Invalid value: "a b": a valid label must be`, "metadata labels", "a valid label", "write what the server allows"},
		{`pods "web-green-dry-run" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2`, "spec template spec", `pods "web-green" is forbidden: exceeded quota`, "ask for less, or have the quota raised"},
		{`pods "web-green-dry-run" is forbidden: error looking up service account shop/nobody: serviceaccount "nobody" not found`, "spec template spec serviceAccountName", "nobody", "name a ServiceAccount that is there"},
		{`pods "web-green-dry-run" is forbidden: maximum cpu usage per Container is 200m, but limit is 1`, "spec template spec containers", "maximum cpu", "stay within the namespace's LimitRange"},
		{`no reason at all`, "", "no reason at all", "write what the server allows"},
	} {
		no, ok := mistaken(&Refusal{What: "try", Words: c.words}, deployment).(*Refusal)
		if !ok || no.At == nil || strings.Join(no.At.Field, " ") != c.field || no.At.Name != "web" || no.Fix != c.fix || !strings.Contains(no.Error(), c.says) {
			t.Errorf("%s:\n got %v at %+v", c.words, no, no.At)
		}
	}
}
