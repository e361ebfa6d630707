package release

import (
	"maps"
	"regexp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Config belongs to the revision (SPEC 5.5): a pod that restarts reads what it was released with, and
// nothing else (K5). What pods use of a release is therefore named by its content. kustomize does so
// with what it generates; of a ConfigMap with a plain name a copy is made that never changes, and the
// pods of a colour read that. The name from Git stays too, with the content of what serves.

// NoteCopy on a ConfigMap that was made names the one in Git that it is a copy of.
const NoteCopy = "kexal.dev/copy-of"

// NoteConfig "shared" on a ConfigMap keeps it out of the revision: pods read it as it is now.
const NoteConfig = "kexal.dev/config"

// hashed is a name that ends as kustomize ends those of generated config.
var hashed = regexp.MustCompile(`-[2456789bcdfghkmt]{10}$`)

// config finds the ConfigMaps of the release that its pods use and that belong to the revision, and
// makes copies of those whose name does not change with their content. named is the copy's name by
// the one in Git.
func config(workloads, others []*unstructured.Unstructured) (used, copies []*unstructured.Unstructured, named map[string]string) {
	named = map[string]string{}
	for _, o := range others {
		if !usedBy(o, workloads) || o.GetAnnotations()[NoteConfig] == "shared" {
			continue
		}
		used = append(used, o)
		if hashed.MatchString(o.GetName()) {
			continue
		}
		c := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "immutable": true}}
		for _, field := range []string{"data", "binaryData"} {
			if v, found := o.Object[field]; found && v != nil {
				c.Object[field] = v
			}
		}
		c.SetName(made(o.GetName(), digest([]any{o.Object["data"], o.Object["binaryData"]})[:10]))
		c.SetNamespace(o.GetNamespace())
		c.SetLabels(maps.Clone(o.GetLabels()))
		note(c, NoteCopy, o.GetName())
		named[o.GetName()] = c.GetName()
		copies = append(copies, c)
	}
	return used, copies, named
}

// usedBy tells that pods of some workloads use a ConfigMap.
func usedBy(o *unstructured.Unstructured, workloads []*unstructured.Unstructured) bool {
	if o.GetKind() != "ConfigMap" {
		return false
	}
	for _, w := range workloads {
		template, _, _ := unstructured.NestedMap(w.Object, "spec", "template")
		if Reads(template, o.GetName()) {
			return true
		}
	}
	return false
}

// Reads tells that a pod, or an object with a pod's template in it, uses a ConfigMap of a name: in its
// environment or in a volume.
func Reads(v any, name string) (reads bool) {
	configRefs(v, func(ref map[string]any) { reads = reads || ref["name"] == name })
	return reads
}

// renameConfig has a pod read copies.
func renameConfig(pod map[string]any, named map[string]string) {
	configRefs(pod, func(ref map[string]any) {
		if name, _ := ref["name"].(string); named[name] != "" {
			ref["name"] = named[name]
		}
	})
}

// configRefs calls do with every reference to a ConfigMap.
func configRefs(v any, do func(ref map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			if ref, ok := child.(map[string]any); ok && (key == "configMap" || key == "configMapRef" || key == "configMapKeyRef") {
				do(ref)
			}
			configRefs(child, do)
		}
	case []any:
		for _, child := range v {
			configRefs(child, do)
		}
	}
}

// MadeCopy tells that a live ConfigMap is a copy that kexal made for a rollout.
func MadeCopy(live *unstructured.Unstructured, rollout string) bool {
	return live.GetLabels()[LabelRollout] == rollout && live.GetAnnotations()[NoteCopy] != ""
}
