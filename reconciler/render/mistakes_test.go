package render

import (
	"errors"
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// A mistake is said with the place to mend it and what to write. Several files with a
// mistake are all named at once.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		want  string
	}{
		{"broken YAML",
			[]string{"web/a.yaml", configMap("a"), "web/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b\n"},
			"web/b.yaml:4: not valid YAML: yaml: line 4: "},
		{"broken in the second document",
			[]string{"web/a.yaml", configMap("a") + "---\nkind: [\n"},
			"web/a.yaml:"},
		{"not an object",
			[]string{"web/values.yaml", "\nimage: web:v1\n"},
			"web/values.yaml:2:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory"},
		{"an object without a name",
			[]string{"web/a.yaml", configMap("a") + "---\napiVersion: v1\nkind: ConfigMap\n"},
			"web/a.yaml:5:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory"},
		{"a list of things",
			[]string{"web/a.yaml", "- one\n- two\n"},
			"web/a.yaml:1:"},
		{"every file at once",
			[]string{"web/a.yaml", "a: 1", "web/b.yaml", configMap("b"), "web/c.yaml", "c: 1"},
			"web/a.yaml:1:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory\n" +
				"web/c.yaml:1:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory"},
		{"a chart",
			[]string{"web/Chart.yaml", "name: web", "web/values.yaml", "a: 1"},
			"web/Chart.yaml: Helm charts are not read by this version of kexal: render it to plain YAML, or use kustomize"},
		{"a resource that was forgotten",
			[]string{"web/a.yaml", configMap("a"), "web/kustomization.yaml", "namePrefix: x-\nresources:\n  - a.yaml\n  - b.yaml\n  - ../base\n"},
			"web/kustomization.yaml:4:5: resource \"b.yaml\" is not in this commit: add it; nothing is fetched from elsewhere\n" +
				"web/kustomization.yaml:5:5: resource \"../base\" is not in this commit: add it; nothing is fetched from elsewhere"},
		{"forgotten in a base",
			[]string{"web/kustomization.yaml", "resources: [../base]", "base/kustomization.yml", "components:\n- tls\n"},
			"base/kustomization.yml:2:3: component \"tls\" is not in this commit: add it; nothing is fetched from elsewhere"},
		{"outside the repository",
			[]string{"web/kustomization.yaml", "resources: [../../etc/passwd.yaml]"},
			"web/kustomization.yaml:1:13: resource \"../../etc/passwd.yaml\" is not in this commit: add it; nothing is fetched from elsewhere"},
		{"what kustomize refuses",
			[]string{"web/a.yaml", configMap("a"), "web/kustomization.yaml", "resources: [a.yaml, a.yaml]"},
			"web/kustomization.yaml: kustomize: "},
		{"a kustomization that is broken",
			[]string{"web/kustomization.yaml", "resources: [\n"},
			"web/kustomization.yaml:"},
		{"a field of the kustomization that does not exist",
			[]string{"web/a.yaml", configMap("a"), "web/kustomization.yaml", "resource: [a.yaml]\n"},
			"web/kustomization.yaml:"},
	} {
		objects, err := Objects(commit(c.files...), "web")
		var mistakes strategies.Mistakes
		switch {
		case !errors.As(err, &mistakes):
			t.Errorf("%s: %v is not for the author", c.name, err)
		case !strings.HasPrefix(err.Error(), c.want) || strings.Contains(c.want, "\n") && err.Error() != c.want:
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		case objects != nil:
			t.Errorf("%s: %s is rendered all the same", c.name, names(objects))
		}
	}
}

// Status shows the same mistakes with their places in fields (SPEC 7.1).
func TestMistakesAsProblems(t *testing.T) {
	_, err := Objects(commit("web/values.yaml", "\n  image: web\n"), "web")
	got := strategies.Problems(err)
	if len(got) != 1 || got[0].Path != "web/values.yaml" || got[0].Line != 2 || got[0].Column != 3 || got[0].Fix == "" {
		t.Errorf("problems are %+v", got)
	}
}

// A directory that is not in the commit is an error, never an empty release.
func TestNoSuchDirectory(t *testing.T) {
	if objects, err := Objects(commit("api/a.yaml", configMap("a")), "web"); err == nil {
		t.Errorf("rendered %s from nowhere", names(objects))
	}
}
