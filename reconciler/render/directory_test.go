package render

import (
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A plain directory is its own YAML files: not those of its sub-directories, not
// rollout.yaml, nothing that is no YAML (SPEC 1.3).
func TestPlainDirectory(t *testing.T) {
	tree := commit(
		"apps/web/rollout.yaml", "this: is not an object",
		"apps/web/b.yml", configMap("b"),
		"apps/web/a.yaml", configMap("a1")+"---\n# nothing here\n---\n"+configMap("a2"),
		"apps/web/README.md", "kind: Nothing",
		"apps/web/staging/c.yaml", configMap("c"),
		"apps/api/d.yaml", configMap("d"),
		"apps/web/empty.yaml", "# later\n",
	)
	if got, want := names(rendered(t, tree, "apps/web")), "ConfigMap/a1 ConfigMap/a2 ConfigMap/b"; got != want {
		t.Errorf("rendered %s, want %s", got, want)
	}
}

// The root of the repository may be a rollout's directory too (SPEC 1.1).
func TestRootDirectory(t *testing.T) {
	if got := names(rendered(t, commit("web.yaml", configMap("web"), "more/x.yaml", configMap("x")), ".")); got != "ConfigMap/web" {
		t.Errorf("the root renders %s", got)
	}
	tree := commit("kustomization.yaml", "resources: [web.yaml]", "web.yaml", configMap("web"))
	if got := names(rendered(t, tree, ".")); got != "ConfigMap/web" {
		t.Errorf("a kustomization in the root renders %s", got)
	}
}

// Whole numbers stay whole and text stays text, whichever way an object is read: the
// revision is taken from these values (SPEC 2.1), and the API server is asked with them.
func TestNumbersStayWhole(t *testing.T) {
	const object = `apiVersion: v1
kind: ConfigMap
metadata:
  name: numbers
  annotations: {mode: "0644", tag: "12e4567890"}
spec:
  replicas: 3
  big: 9007199254740993
  mode: 0644
  share: 0.5
  ready: true
`
	want := map[string]any{"replicas": int64(3), "big": int64(9007199254740993), "mode": int64(0o644), "share": 0.5, "ready": true}
	for how, tree := range map[string]map[string]string{
		"plain":     {"web/o.yaml": object},
		"kustomize": {"web/o.yaml": object, "web/kustomization.yaml": "resources: [o.yaml]"},
	} {
		var files []string
		for p, text := range tree {
			files = append(files, p, text)
		}
		o := rendered(t, commit(files...), "web")[0]
		if got := o.Object["spec"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, want %#v", how, got, want)
		}
		notes, _, err := unstructured.NestedStringMap(o.Object, "metadata", "annotations")
		if err != nil || notes["mode"] != "0644" || notes["tag"] != "12e4567890" {
			t.Errorf("%s: the annotations are %v (%v)", how, notes, err)
		}
	}
}
