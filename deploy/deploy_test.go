// Package deploy_test renders what installs the agent, and holds it to its promises.
package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kexal/kexal/reconciler/cluster"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

func render(t *testing.T) resmap.ResMap {
	t.Helper()
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "base")
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// decode reads the one object of a kind. Strictly: a misspelt field would be no protection.
func decode(t *testing.T, objects resmap.ResMap, kind string, into any) {
	t.Helper()
	found := 0
	for _, object := range objects.Resources() {
		if object.GetKind() != kind {
			continue
		}
		found++
		text, err := object.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, into); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	if found != 1 {
		t.Fatalf("there are %d objects of kind %s, want 1", found, kind)
	}
}

// The cluster's administrator made a namespace, and nothing outside it is asked for.
func TestNothingIsClusterScoped(t *testing.T) {
	var kinds []string
	for _, object := range render(t).Resources() {
		kinds = append(kinds, object.GetKind())
		if ns := object.GetNamespace(); ns != "" {
			t.Errorf("%s %s names the namespace %s: where it is applied decides", object.GetKind(), object.GetName(), ns)
		}
	}
	slices.Sort(kinds)
	if want := []string{"ConfigMap", "Deployment", "Role", "RoleBinding", "ServiceAccount"}; !slices.Equal(kinds, want) {
		t.Errorf("rendered %v, want %v", kinds, want)
	}
}

func TestTheRoleIsTheTableOfRights(t *testing.T) {
	var role rbacv1.Role
	decode(t, render(t), "Role", &role)
	for i := range max(len(role.Rules), len(cluster.Rights)) {
		if i >= len(role.Rules) {
			t.Errorf("the Role lacks %+v", cluster.Rights[i])
			continue
		}
		rule := role.Rules[i]
		if i >= len(cluster.Rights) {
			t.Errorf("the Role has more than the table: %+v", rule)
			continue
		}
		right := cluster.Rights[i]
		if !slices.Equal(rule.APIGroups, []string{right.Group}) || !slices.Equal(rule.Resources, []string{right.Resource}) || !slices.Equal(rule.Verbs, right.Verbs) ||
			len(rule.ResourceNames)+len(rule.NonResourceURLs) > 0 {
			t.Errorf("rule %d is %+v, want %+v", i+1, rule, right)
		}
		if slices.Contains(rule.Verbs, "*") || right.Resource == "secrets" || right.Why == "" {
			t.Errorf("rule %d allows too much, or does not say why: %+v", i+1, right)
		}
	}
}

func TestTheAgentHasThatRoleAndNoOther(t *testing.T) {
	objects := render(t)
	var account corev1.ServiceAccount
	var role rbacv1.Role
	var binding rbacv1.RoleBinding
	var deployment appsv1.Deployment
	decode(t, objects, "ServiceAccount", &account)
	decode(t, objects, "Role", &role)
	decode(t, objects, "RoleBinding", &binding)
	decode(t, objects, "Deployment", &deployment)
	if binding.RoleRef.Kind != "Role" || binding.RoleRef.Name != role.Name || binding.RoleRef.APIGroup != rbacv1.GroupName {
		t.Errorf("bound to %+v", binding.RoleRef)
	}
	if len(binding.Subjects) != 1 || binding.Subjects[0].Kind != "ServiceAccount" || binding.Subjects[0].Name != account.Name {
		t.Errorf("bound are %+v", binding.Subjects)
	}
	if got := deployment.Spec.Template.Spec.ServiceAccountName; got != account.Name {
		t.Errorf("the pod runs as %q", got)
	}
}

// An update of the agent never leaves the namespace without one: the next stands by first.
func TestTheNextAgentStandsBy(t *testing.T) {
	var deployment appsv1.Deployment
	decode(t, render(t), "Deployment", &deployment)
	update := deployment.Spec.Strategy.RollingUpdate
	if update == nil || update.MaxSurge.IntValue() != 1 || update.MaxUnavailable.String() != "0" || deployment.Spec.MinReadySeconds < 1 {
		t.Errorf("the strategy is %+v, after %d seconds", deployment.Spec.Strategy, deployment.Spec.MinReadySeconds)
	}
}

// The settings reach the container, and their ConfigMap can never be taken for the state of a rollout.
func TestTheSettingsReachTheAgent(t *testing.T) {
	objects := render(t)
	var settings corev1.ConfigMap
	var deployment appsv1.Deployment
	decode(t, objects, "ConfigMap", &settings)
	decode(t, objects, "Deployment", &deployment)
	if !strings.HasPrefix(settings.Name, "kexal.settings-") {
		t.Errorf("the settings are called %s", settings.Name)
	}
	agent := deployment.Spec.Template.Spec.Containers[0]
	if len(agent.EnvFrom) != 1 || agent.EnvFrom[0].ConfigMapRef == nil || agent.EnvFrom[0].ConfigMapRef.Name != settings.Name {
		t.Errorf("the environment comes from %+v", agent.EnvFrom)
	}
	if settings.Data["KEXAL_REPO"] == "" || !slices.Contains(agent.Args, "--repo=$(KEXAL_REPO)") || agent.Args[0] != "agent" {
		t.Errorf("args %v, settings %v", agent.Args, settings.Data)
	}
	if *deployment.Spec.Replicas != 1 {
		t.Errorf("%d replicas", *deployment.Spec.Replicas)
	}
	if !slices.ContainsFunc(agent.Env, func(e corev1.EnvVar) bool {
		return e.Name == "KEXAL_NAMESPACE" && e.ValueFrom != nil && e.ValueFrom.FieldRef.FieldPath == "metadata.namespace"
	}) {
		t.Error("KEXAL_NAMESPACE is not the pod's own namespace")
	}
	for _, v := range deployment.Spec.Template.Spec.Volumes {
		if v.Secret != nil && (v.Secret.Optional == nil || !*v.Secret.Optional) {
			t.Errorf("Secret %s should be optional", v.Secret.SecretName)
		}
	}
}
