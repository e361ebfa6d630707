package deploy_test

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// The rules of the restricted Pod Security standard, one after the other as its page
// has them. Namespaces behind zero trust enforce it.
func TestThePodIsRestricted(t *testing.T) {
	var deployment appsv1.Deployment
	decode(t, render(t), "Deployment", &deployment)
	pod := deployment.Spec.Template.Spec
	ensure := func(ok bool, rule string) {
		t.Helper()
		if !ok {
			t.Error(rule)
		}
	}

	ensure(!pod.HostNetwork && !pod.HostPID && !pod.HostIPC, "no namespaces of the host")
	for _, v := range pod.Volumes {
		s := v.VolumeSource
		ensure(s.ConfigMap != nil || s.CSI != nil || s.DownwardAPI != nil || s.EmptyDir != nil || s.Ephemeral != nil ||
			s.PersistentVolumeClaim != nil || s.Projected != nil || s.Secret != nil, "volume "+v.Name+" is of a type that is allowed")
	}
	shared := pod.SecurityContext
	if shared == nil {
		t.Fatal("the pod has a security context")
	}
	ensure(len(shared.Sysctls) == 0, "no sysctls")
	ensure(shared.SELinuxOptions == nil && shared.AppArmorProfile == nil && shared.WindowsOptions == nil, "the defaults of SELinux, AppArmor and Windows")
	ensure(shared.RunAsNonRoot != nil && *shared.RunAsNonRoot, "runAsNonRoot")
	ensure(shared.RunAsUser == nil || *shared.RunAsUser != 0, "not as user 0")
	ensure(shared.SeccompProfile != nil && shared.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault, "seccomp RuntimeDefault")

	ensure(len(pod.EphemeralContainers) == 0, "no ephemeral containers")
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		own := c.SecurityContext
		if own == nil {
			t.Fatalf("container %s has a security context", c.Name)
		}
		ensure(own.Privileged == nil || !*own.Privileged, "not privileged")
		ensure(own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation, "allowPrivilegeEscalation: false")
		ensure(own.Capabilities != nil && slices.Equal(own.Capabilities.Drop, []corev1.Capability{"ALL"}) && len(own.Capabilities.Add) == 0, "drops all capabilities, adds none")
		ensure(own.ProcMount == nil, "the default /proc")
		ensure(own.RunAsNonRoot == nil || *own.RunAsNonRoot, "does not allow root again")
		ensure(own.RunAsUser == nil || *own.RunAsUser != 0, "not as user 0")
		ensure(own.SeccompProfile == nil || own.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault, "seccomp is not loosened")
		ensure(own.SELinuxOptions == nil && own.AppArmorProfile == nil && own.WindowsOptions == nil, "the defaults of SELinux, AppArmor and Windows")
		for _, p := range c.Ports {
			ensure(p.HostPort == 0, "no ports of the host")
		}

		// Two that the standard leaves open, and kexal does not.
		ensure(own.ReadOnlyRootFilesystem != nil && *own.ReadOnlyRootFilesystem, "readOnlyRootFilesystem")
		ensure(!c.Resources.Requests.Cpu().IsZero() && !c.Resources.Limits.Memory().IsZero(), "resources, or a quota refuses the pod")
	}
}
