package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kexal/kexal/strategies"
)

const chartYAML = "apiVersion: v2\nname: shop\nversion: 1.0.0\n"

// told is a ConfigMap that says what a template was told.
func told(name, says string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata:\n  says: " + says + "\n"
}

// says are what the ConfigMaps of a rendering say, by their names.
func says(t *testing.T, tree fstest.MapFS, from From) map[string]string {
	t.Helper()
	objects, err := Objects(tree, "web", from)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, o := range objects {
		data, _ := o.Object["data"].(map[string]any)
		all[o.GetName()] = fmt.Sprint(data["says"])
	}
	return all
}

// Each of these is what people rely on in their charts.
func TestChart(t *testing.T) {
	shop := From{Name: "web", Namespace: "shop"}
	helm := func(h strategies.Helm) From {
		from := shop
		from.Helm = &h
		return from
	}
	for _, c := range []struct {
		name  string
		from  From
		files []string
		want  map[string]string
	}{
		{"the values of the chart, and what it is called", shop,
			[]string{"web/Chart.yaml", chartYAML, "web/values.yaml", "image: v1\n", "web/templates/a.yaml", told("a", `"{{ .Values.image }} {{ .Chart.Name }} {{ .Release.Name }} {{ .Release.Namespace }} {{ .Release.Service }}"`)},
			map[string]string{"a": "v1 shop web shop Helm"}},
		{"files over the chart's values, and single values over them", helm(strategies.Helm{Values: []string{"a.yaml", "../b.yaml"}, Set: map[string]any{"image.tag": "v3", "n": 2, "on": true}, Release: "prod"}),
			[]string{"web/Chart.yaml", chartYAML, "web/values.yaml", "image: {name: web, tag: v1}\nn: 1\nfrom: chart\n", "web/a.yaml", "from: a\nimage: {tag: v2}\n", "b.yaml", "from: b\n",
				"web/templates/a.yaml", told("a", `"{{ .Values.image.name }}:{{ .Values.image.tag }} {{ add .Values.n 1 }} {{ .Values.on }} {{ .Values.from }} {{ .Release.Name }}"`)},
			map[string]string{"a": "web:v3 3 true b prod"}},
		{"a chart of another directory", helm(strategies.Helm{Chart: "../charts/shop"}),
			[]string{"charts/shop/Chart.yaml", chartYAML, "charts/shop/templates/a.yaml", told("a", "here")},
			map[string]string{"a": "here"}},
		{"what it depends on, under another name, when it is wanted", helm(strategies.Helm{Set: map[string]any{"cache.size": 7, "queue.enabled": false}}),
			[]string{"web/Chart.yaml", chartYAML + "dependencies:\n- {name: store, version: 1.x, alias: cache}\n- {name: queue, version: 1.x, condition: queue.enabled}\n",
				"web/charts/store/Chart.yaml", "apiVersion: v2\nname: store\nversion: 1.2.0\n", "web/charts/store/values.yaml", "size: 1\n", "web/charts/store/templates/a.yaml", told("store", `"{{ .Values.size }} {{ .Chart.Name }}"`),
				"web/charts/queue/Chart.yaml", "apiVersion: v2\nname: queue\nversion: 1.0.0\n", "web/charts/queue/templates/a.yaml", told("queue", "here")},
			map[string]string{"store": "7 cache"}},
		{"no cluster is looked at, no name is resolved", shop,
			[]string{"web/Chart.yaml", chartYAML, "web/templates/a.yaml", told("a", `"{{ len (lookup "v1" "Service" "shop" "web") }}{{ getHostByName "localhost" }}"`)},
			map[string]string{"a": "0"}},
		{"what the cluster can do is what rollout.yaml says", helm(strategies.Helm{KubeVersion: "1.31.4", APIVersions: []string{"monitoring.coreos.com/v1"}}),
			[]string{"web/Chart.yaml", chartYAML, "web/templates/a.yaml", told("a", `"{{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }} {{ .Capabilities.APIVersions.Has "apps/v1" }} {{ .Capabilities.APIVersions.Has "none/v1" }}"`)},
			map[string]string{"a": "v1.31.4 true true false"}},
		{"files that are ignored, notes, partials, empty ones and tests are none", shop,
			[]string{"web/Chart.yaml", chartYAML, "web/rollout.yaml", "kind: Rollout\n", "web/.helmignore", "*.bak\nold/\n", "web/templates/x.yaml.bak", "a: {{ fail \"ignored\" }}", "web/templates/old/x.yaml", "a: {{ fail \"ignored\" }}",
				"web/templates/NOTES.txt", "thank you", "web/templates/_h.tpl", `{{ define "h" }}helped{{ end }}`, "web/templates/empty.yaml", "{{ if .Values.none }}\na: b\n{{ end }}\n# nothing\n",
				"web/templates/test.yaml", strings.Replace(told("test", "x"), "{name: test}", `{name: test, annotations: {helm.sh/hook: test}}`, 1),
				"web/templates/a.yaml", told("a", `{{ include "h" . }}`) + "---\n" + told("b", `{{ .Files.Get "extra.txt" }}`), "web/extra.txt", "extra"},
			map[string]string{"a": "helped", "b": "extra"}},
		{"a kustomization beside it comes first", shop,
			[]string{"web/Chart.yaml", chartYAML, "web/templates/a.yaml", told("a", "chart"), "web/kustomization.yaml", "resources: [b.yaml]\n", "web/b.yaml", told("b", "kustomization")},
			map[string]string{"b": "kustomization"}},
		{"a kustomization of another directory", From{Material: strategies.Material{Kustomize: "../overlays/prod"}},
			[]string{"overlays/prod/kustomization.yaml", "resources: [b.yaml]\n", "overlays/prod/b.yaml", told("b", "prod"), "web/a.yaml", told("a", "here")},
			map[string]string{"b": "prod"}},
		{"files by their names", From{Material: strategies.Material{Manifests: []string{"*.yml", "sub/*.yaml", "sub/b.yaml"}}},
			[]string{"web/a.yml", told("a", "1"), "web/rollout.yml", told("r", "2"), "web/x.yaml", told("x", "3"), "web/sub/b.yaml", told("b", "4"), "web/sub/rollout.yaml", "kind: Rollout\n"},
			map[string]string{"a": "1", "r": "2", "b": "4"}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			if got := says(t, commit(c.files...), c.from); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A chart's mistakes are said with the file, the line and what to do.
func TestChartMistakes(t *testing.T) {
	for _, c := range []struct {
		name  string
		from  strategies.Material
		files []string
		want  string
	}{
		{"a value that is required", strategies.Material{},
			[]string{"web/Chart.yaml", chartYAML, "web/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ required \"image.tag is wanted\" .Values.tag }}}\n"},
			"web/templates/a.yaml:3:21: helm: execution error at (shop/templates/a.yaml:3:20): image.tag is wanted: mend the template, or give the value that it wants"},
		{"a template that is broken", strategies.Material{},
			[]string{"web/Chart.yaml", chartYAML, "web/templates/a.yaml", "a: b\nc: {{ if }}\n"},
			"web/templates/a.yaml:2:1: helm: parse error at (shop/templates/a.yaml:2): missing value for if: mend the template, or give the value that it wants"},
		{"a dependency that is not there", strategies.Material{Helm: &strategies.Helm{Chart: "chart"}},
			[]string{"web/chart/Chart.yaml", chartYAML + "dependencies:\n- {name: store, version: 1.x, repository: 'https://charts.example'}\n"},
			"web/chart/Chart.yaml:1:1: store is not in charts/: run `helm dependency build web/chart` and commit charts/: nothing is fetched"},
		{"what is made up anew each time", strategies.Material{},
			[]string{"web/Chart.yaml", chartYAML, "web/templates/a.yaml", told("a", "{{ randAlphaNum 12 }}"), "web/templates/b.yaml", told("b", "same")},
			"web/templates/a.yaml:1:1: it renders to something else each time: give it as a value what it makes up: a password, a certificate or the time"},
		{"a hook", strategies.Material{},
			[]string{"web/Chart.yaml", chartYAML, "web/templates/a.yaml", strings.Replace(told("a", "x"), "{name: a}", `{name: a, annotations: {helm.sh/hook: "pre-upgrade"}}`, 1)},
			"web/templates/a.yaml:1:1: ConfigMap a is a hook (pre-upgrade), and hooks are not run by this version of kexal: switch it off by a value, or run it from your pipeline"},
		{"bad YAML comes out", strategies.Material{},
			[]string{"web/Chart.yaml", chartYAML, "web/templates/a.yaml", "{{ range until 3 }}\na: {\n{{ end }}"},
			"web/templates/a.yaml:1:1: line 7 of what it renders to: not valid YAML: did not find expected node content: see `helm template web -s templates/a.yaml`"},
		{"a definition of a kind", strategies.Material{},
			[]string{"web/Chart.yaml", chartYAML, "web/crds/x.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n"},
			"web/crds/x.yaml:1:1: a CustomResourceDefinition belongs to the cluster, and kexal owns a namespace: leave it to the cluster's administrators"},
		{"a values file that is not there", strategies.Material{Helm: &strategies.Helm{Values: []string{"prod.yaml"}}},
			[]string{"web/Chart.yaml", chartYAML, "web/rollout.yaml", "spec:\n  source:\n    helm:\n      values: [prod.yaml]\n"},
			"web/rollout.yaml:4:7: web/prod.yaml is not in this commit: add it, or take it out"},
		{"a values file that leaves the repository", strategies.Material{Helm: &strategies.Helm{Values: []string{"../../prod.yaml"}}},
			[]string{"web/Chart.yaml", chartYAML, "web/rollout.yaml", "spec:\n  source:\n    helm:\n      values: [../../prod.yaml]\n"},
			"web/rollout.yaml:4:7: ../prod.yaml is not in this commit: add it, or take it out"},
		{"no chart", strategies.Material{Helm: &strategies.Helm{Chart: "chart"}},
			[]string{"web/rollout.yaml", "spec:\n  source: {helm: {chart: chart}}\n"},
			"web/rollout.yaml:2:26: there is no web/chart/Chart.yaml in this commit: name the chart's directory"},
		{"values that the schema refuses", strategies.Material{Helm: &strategies.Helm{Set: map[string]any{"replicas": "many"}}},
			[]string{"web/Chart.yaml", chartYAML, "web/values.schema.json", `{"type": "object", "properties": {"replicas": {"type": "integer"}}}`},
			"web/values.schema.json:1:1: the values of chart shop: at '/replicas': got string, want integer: give values that it allows"},
		{"values that the schema of what it depends on refuses", strategies.Material{Helm: &strategies.Helm{Set: map[string]any{"store.size": "many"}}},
			[]string{"web/Chart.yaml", chartYAML, "web/charts/store/Chart.yaml", "apiVersion: v2\nname: store\nversion: 1.2.0\n", "web/charts/store/values.schema.json", `{"properties": {"size": {"type": "integer"}}}`},
			"web/charts/store/values.schema.json:1:1: the values of chart store: at '/size': got string, want integer: give values that it allows"},
		{"a schema that leads elsewhere", strategies.Material{},
			[]string{"web/Chart.yaml", chartYAML, "web/values.schema.json", `{"$ref": "http://127.0.0.1:1/x.json"}`},
			"web/values.schema.json:1:1: the values of chart shop: it leads to http://127.0.0.1:1/x.json, and nothing is read but the schema itself: give values that it allows"},
		{"a schema that leads to a file", strategies.Material{},
			[]string{"web/Chart.yaml", chartYAML, "web/values.schema.json", `{"$ref": "file:///etc/passwd"}`},
			"web/values.schema.json:1:1: the values of chart shop: it leads to file:///etc/passwd, and nothing is read but the schema itself: give values that it allows"},
		{"a pattern for nothing", strategies.Material{Manifests: []string{"*.yml"}},
			[]string{"web/a.yaml", configMap("a"), "web/rollout.yaml", "spec:\n  source: {manifests: ['*.yml']}\n"},
			`web/rollout.yaml:2:12: "*.yml" is no file of this commit: mend it, or add the file`},
		{"no kustomization", strategies.Material{Kustomize: "prod"},
			[]string{"web/a.yaml", configMap("a"), "web/rollout.yaml", "spec:\n  source: {kustomize: {path: prod}}\n"},
			"web/rollout.yaml:2:30: there is no kustomization in web/prod in this commit: name the directory of one"},
	} {
		tree := commit(c.files...)
		objects, err := Objects(tree, "web", From{Material: c.from, Name: "web", Namespace: "shop"})
		var mistakes strategies.Mistakes
		if !errors.As(err, &mistakes) {
			t.Errorf("%s: %v is not for the author", c.name, err)
			continue
		}
		if err := Locate(tree, "web", c.from, err); err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
		if objects != nil {
			t.Errorf("%s: %s is rendered all the same", c.name, names(objects))
		}
	}
}

// What is wrong with an object that a template makes is told of the chart.
func TestPlaceInAChart(t *testing.T) {
	tree := commit("web/Chart.yaml", chartYAML, "web/templates/a.yaml", told("a", "x"))
	err := Locate(tree, "web", strategies.Material{}, &strategies.Mistake{At: &strategies.Place{Kind: "ConfigMap", Name: "a"}, Err: errors.New("it is wrong"), Fix: "mend it"})
	if want := "web/Chart.yaml:1:1: it is wrong: mend it"; err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A chart renders the same in every process: nothing depends on the order of a map.
func TestChartIsTheSame(t *testing.T) {
	var files []string
	for i := range 20 {
		files = append(files, fmt.Sprintf("web/templates/%02d.yaml", i), told(fmt.Sprintf("n%02d", i), "{{ .Values | toYaml | sha256sum }}"))
	}
	tree := commit(append(files, "web/Chart.yaml", chartYAML, "web/values.yaml", "a: 1\nb: 2\nc: {d: 3}\n")...)
	first := names(rendered(t, tree, "web"))
	if !slices.IsSorted(strings.Fields(first)) {
		t.Errorf("not in order: %s", first)
	}
	for range 5 {
		if again := names(rendered(t, tree, "web")); again != first {
			t.Errorf("%s, and then %s", first, again)
		}
	}
}
