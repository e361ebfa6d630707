package render

import (
	"errors"
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
			"web/b.yaml:3:11: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}': mend the syntax there"},
		{"broken in the second document",
			[]string{"web/a.yaml", configMap("a") + "---\nkind: [\n"},
			"web/a.yaml:6:1: not valid YAML: did not find expected node content: mend the syntax there"},
		{"not an object",
			[]string{"web/values.yaml", "\nimage: web:v1\n"},
			"web/values.yaml:2:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory"},
		{"an object without a name",
			[]string{"web/a.yaml", configMap("a") + "---\napiVersion: v1\nkind: ConfigMap\n"},
			"web/a.yaml:5:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory"},
		{"a list of things",
			[]string{"web/a.yaml", "- one\n- two\n"},
			"web/a.yaml:1:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory"},
		{"a key that is written twice",
			[]string{"web/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: b\n  a: c\n"},
			"web/a.yaml:6:3: a is written twice: keep one of them"},
		{"a name that is a number",
			[]string{"web/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 12}\n"},
			"web/a.yaml:3:18: name 12 is not text: write it in quotes"},
		{"every file at once",
			[]string{"web/a.yaml", "a: 1", "web/b.yaml", configMap("b"), "web/c.yaml", "c: 1"},
			"web/a.yaml:1:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory\n" +
				"web/c.yaml:1:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory"},
		{"a chart that is none",
			[]string{"web/Chart.yaml", "name: web", "web/values.yaml", "a: 1"},
			"web/Chart.yaml:1:1: validation: chart.metadata.version is required: see `helm lint web`"},
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
		{"a field of the kustomization that is misspelt",
			[]string{"web/a.yaml", configMap("a"), "web/kustomization.yaml", "resource: [a.yaml]\n"},
			"web/kustomization.yaml:1:1: kexal does not read \"resource\" of a kustomization: write resources"},
		{"a kustomization that is broken",
			[]string{"web/kustomization.yaml", "resources: [\n"},
			"web/kustomization.yaml:2:1: not valid YAML: did not find expected node content: mend the syntax there"},
		{"two kustomizations of one directory",
			[]string{"web/kustomization.yaml", "resources: []\n", "web/kustomization.yml", "resources: []\n"},
			"web/kustomization.yml:1:1: the directory has a kustomization.yaml already: keep one of them"},
		{"a base without a kustomization",
			[]string{"web/kustomization.yaml", "resources: [../base]", "base/a.yaml", configMap("a")},
			"web/kustomization.yaml:1:13: resource \"../base\" is a directory without a kustomization.yaml: add one, or name the directory's files"},
		{"a base that is based on it",
			[]string{"web/kustomization.yaml", "resources: [../base]", "base/kustomization.yaml", "resources:\n- ../web\n"},
			"base/kustomization.yaml:2:3: resource \"../web\" leads back to itself: take it out"},
	} {
		objects, err := Objects(commit(c.files...), "web", From{Name: "web", Namespace: "shop"})
		var mistakes strategies.Mistakes
		switch {
		case !errors.As(err, &mistakes):
			t.Errorf("%s: %v is not for the author", c.name, err)
		case err.Error() != c.want:
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		case objects != nil:
			t.Errorf("%s: %s is rendered all the same", c.name, names(objects))
		}
	}
}

// What kustomize complains about is told in the author's words, with the place in the file
// that is at fault, and in the same words each time.
func TestKustomizesComplaints(t *testing.T) {
	const broken = ": not valid YAML: while parsing a flow mapping, did not find expected ',' or '}': mend the syntax there"
	for _, c := range []struct {
		name  string
		files []string
		want  string
	}{
		{"a resource that is broken", []string{"web/kustomization.yaml", "resources: [a.yaml]", "web/a.yaml", "kind: ConfigMap\nmetadata: {name: b\n"}, "web/a.yaml:2:11" + broken},
		{"one of a base", []string{"web/kustomization.yaml", "resources: [../base]", "base/kustomization.yaml", "resources: [b.yaml]", "base/b.yaml", "a: {\nb"}, "base/b.yaml:1:4" + broken},
		{"a patch that is broken", []string{"web/kustomization.yaml", "resources: [a.yaml]\npatches: [{path: p.yaml}]", "web/a.yaml", configMap("a"), "web/p.yaml", "a: {\nb"}, "web/p.yaml:1:4" + broken},
		{"a patch that is written out and broken", []string{"web/kustomization.yaml", "resources: [a.yaml]\npatches:\n- patch: |\n    kind: ConfigMap\n    metadata: {name: a\n", "web/a.yaml", configMap("a")}, "web/kustomization.yaml:5:15" + broken},
		{"no object", []string{"web/kustomization.yaml", "resources: [a.yaml]", "web/a.yaml", "a: b"},
			"web/a.yaml:1:1: this is no Kubernetes object: give it apiVersion, kind and metadata.name, or move it to another directory"},
		{"a key that is written twice", []string{"web/kustomization.yaml", "resources: [a.yaml]", "web/a.yaml", configMap("a") + "data: {a: b}\ndata: {a: c}\n"}, "web/a.yaml:5:1: data is written twice: keep one of them"},
		{"one file twice", []string{"web/kustomization.yaml", "resources: [a.yaml, a.yaml]", "web/a.yaml", configMap("a")}, "web/kustomization.yaml:1:21: ConfigMap a is there already: keep one of them"},
		{"one name twice", []string{"web/kustomization.yaml", "resources: [a.yaml, b.yaml]", "web/a.yaml", configMap("a"), "web/b.yaml", configMap("a")}, "web/b.yaml:3:18: ConfigMap a is there already: keep one of them"},
		{"a patch for nobody", []string{"web/kustomization.yaml", "resources: [a.yaml]\npatches: [{path: p.yaml}]", "web/a.yaml", configMap("a"), "web/p.yaml", configMap("b")},
			"web/p.yaml:3:18: the patch is for ConfigMap b, which is not among the resources: mend its kind or its name, or add the resource"},
		{"a patch that is none", []string{"web/kustomization.yaml", "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:3:3: the patch says nothing: add path: FILE or patch: |"},
		{"a JSON patch", []string{"web/kustomization.yaml", "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: |\n    - op: replce\n      path: /data\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:5:11: a JSON patch has no operation \"replce\": write one of add, remove, replace, move, copy, test"},
		{"a list that is a word", []string{"web/kustomization.yaml", "namePrefix: x\nresources: a.yaml\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:2:12: resources is not a list: write - and an entry, one on each line"},
		{"a word that is a list", []string{"web/kustomization.yaml", "namePrefix: [x]\nresources: [a.yaml]\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:1:13: namePrefix is not text: write one word"},
		{"a count that is a word", []string{"web/kustomization.yaml", "resources: [a.yaml]\nreplicas:\n- {name: a, count: 2}\n- {name: b, count: many}\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:4:20: replicas.count is not a whole number: write digits, without quotes"},
		{"labels that are a word", []string{"web/kustomization.yaml", "resources: [a.yaml]\nlabels: [{pairs: team}]\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:2:18: labels.pairs is not a mapping: write KEY: VALUE"},
		{"a field deep inside", []string{"web/kustomization.yaml", "resources: [a.yaml]\nimages:\n- name: x\n  newTagg: y\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:4:3: kustomize knows no field newTagg here: mend its spelling, or remove it"},
		{"a literal", []string{"web/kustomization.yaml", "configMapGenerator:\n- name: a\n  literals: [b=c, d]\n"},
			"web/kustomization.yaml:3:19: the literal d has no value: write KEY=VALUE"},
		{"config without a name", []string{"web/kustomization.yaml", "configMapGenerator:\n- literals: [b=c]\n"},
			"web/kustomization.yaml:2:3: the configmap to generate has no name: add name: NAME"},
		{"config that merges with nothing", []string{"web/kustomization.yaml", "configMapGenerator:\n- name: c\n  behavior: merge\n  literals: [b=c]\n"},
			"web/kustomization.yaml:3:13: c is not there to be merged with or replaced: remove behavior, or add the resource it is for"},
		{"a count for nobody", []string{"web/kustomization.yaml", "resources: [a.yaml]\nreplicas: [{name: wbe, count: 2}]\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:2:19: replicas names wbe, which is no Deployment among the resources: mend the name, or remove the entry"},
		{"another kind", []string{"web/kustomization.yaml", "kind: Kustomisation\nresources: [a.yaml]", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:1:7: this kind is no kustomization's: write Kustomization or Component"},
		{"another version", []string{"web/kustomization.yaml", "apiVersion: v9\nresources: [a.yaml]", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:1:13: this apiVersion is no kustomization's: write kustomize.config.k8s.io/v1beta1"},
		{"no component", []string{"web/kustomization.yaml", "resources: [a.yaml]\ncomponents: [../c]", "web/a.yaml", configMap("a"), "c/kustomization.yaml", "resources: []"},
			"web/kustomization.yaml:2:14: c is no component: give its kustomization kind: Component, or list it under resources"},
		{"a replacement of nothing", []string{"web/kustomization.yaml", "resources: [a.yaml]\nreplacements: [{source: {kind: Secret, name: x}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a]}]}]\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:2:1: a replacement reads from Secret x, which is not among the resources: mend its source"},
		{"nothing in it", []string{"web/kustomization.yaml", "", "web/a.yaml", configMap("a")}, "web/kustomization.yaml:1:1: the kustomization is empty: list the files under resources"},
		{"a list for a kustomization", []string{"web/kustomization.yaml", "- a.yaml", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:1:1: the kustomization is not a mapping of fields: write resources, and the files under it"},
		{"what no rule knows", []string{"web/kustomization.yaml", "resources: [a.yaml]\nvars:\n- name: A\n  objref: {apiVersion: v1, kind: ConfigMap, name: x}\n", "web/a.yaml", configMap("a")},
			"web/kustomization.yaml:1:1: kustomize: var '{A ConfigMap.v1.[noGrp] {metadata.name}}' cannot be mapped to a field in the set of known resources: try `kubectl kustomize web`"},
	} {
		for range 2 {
			_, err := Objects(commit(c.files...), "web", From{Name: "web", Namespace: "shop"})
			if err == nil || err.Error() != c.want {
				t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
			}
		}
	}
}

// Status shows the same mistakes with their places in fields (SPEC 7.1).
func TestMistakesAsProblems(t *testing.T) {
	_, err := Objects(commit("web/values.yaml", "\n  image: web\n"), "web", From{})
	got := strategies.Problems(err)
	if len(got) != 1 || got[0].Path != "web/values.yaml" || got[0].Line != 2 || got[0].Column != 3 || got[0].Fix == "" {
		t.Errorf("problems are %+v", got)
	}
}

// A directory that is not in the commit is an error, never an empty release.
func TestNoSuchDirectory(t *testing.T) {
	if objects, err := Objects(commit("api/a.yaml", configMap("a")), "web", From{}); err == nil {
		t.Errorf("rendered %s from nowhere", names(objects))
	}
}
