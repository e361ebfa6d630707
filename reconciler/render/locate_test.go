package render

import (
	"errors"
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// located is the place found for one mistake, as FILE:LINE:COL.
func located(t *testing.T, files []string, at *strategies.Place) string {
	t.Helper()
	err := Locate(commit(files...), "web", strategies.Material{}, strategies.Mistakes{{Path: "web", At: at, Err: errors.New("x")}})
	place, _, ok := strings.Cut(err.Error(), ": x")
	if !ok {
		t.Fatal(err)
	}
	return place
}

// A field that is not written is found by what is around it, an object that cannot be told
// from another one by the kustomization: a wrong place is worse than a wide one.
func TestLocate(t *testing.T) {
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\nspec:\n  list:\n  - {name: x, v: 1}\n  - {name: y, v: 2}\n  - {name: x, v: 3}\n  text: |\n    a\n    b\n"
	plain := []string{"web/rollout.yaml", "spec:\n  services: [web]\n", "web/a.yaml", "# a comment\n" + object}
	in := func(field string) *strategies.Place {
		p := &strategies.Place{APIVersion: "v1", Kind: "ConfigMap", Name: "a"}
		if field != "" {
			p.Field = strings.Split(field, " ")
		}
		return p
	}
	for _, c := range []struct {
		what  string
		files []string
		at    *strategies.Place
		want  string
	}{
		{"the object", plain, in(""), "web/a.yaml:2:1"},
		{"a scalar is found at its value", plain, in("metadata name"), "web/a.yaml:5:9"},
		{"a mapping is found at its key", plain, in("metadata"), "web/a.yaml:4:1"},
		{"so is a text of several lines", plain, in("spec text"), "web/a.yaml:11:3"},
		{"an entry by its number", plain, in("spec list 1 v"), "web/a.yaml:9:18"},
		{"an entry by its name: of two the last", plain, in("spec list name=x v"), "web/a.yaml:10:18"},
		{"no such entry", plain, in("spec list 7 v"), "web/a.yaml:7:3"},
		{"no such field", plain, in("spec nothing deeper"), "web/a.yaml:6:1"},
		{"through a scalar", plain, in("metadata name deeper"), "web/a.yaml:5:9"},
		{"no such object", plain, &strategies.Place{Kind: "Secret", Name: "a"}, "web/rollout.yaml:1:1"},
		{"another version of it", plain, &strategies.Place{APIVersion: "v2", Kind: "ConfigMap", Name: "a"}, "web/rollout.yaml:1:1"},
		{"rollout.yaml", plain, strategies.RolloutField("spec", "services", "0"), "web/rollout.yaml:2:14"},
		{"what rollout.yaml does not say", plain, strategies.RolloutField("metadata", "name"), "web/rollout.yaml:1:1"},
		{"the directory", plain, &strategies.Place{}, "web/rollout.yaml:1:1"},
		{"an entry's number, where a patch may have added some",
			[]string{"web/kustomization.yaml", "resources: [a.yaml]\npatches: [{path: p.yaml}]", "web/a.yaml", object, "web/p.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nspec: {more: 1}\n"},
			in("spec list 1 v"), "web/a.yaml:6:3"},
		{"a patch that is written in quotes",
			[]string{"web/kustomization.yaml", "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: \"- op: add\\n  path: /spec/list\\n  value: []\\n\"\n", "web/a.yaml", object},
			in("spec list"), "web/a.yaml:6:3"},
		{"one of two that a suffix makes",
			[]string{"web/kustomization.yaml", "resources: [../b, ../c]", "b/kustomization.yaml", "resources: [../x]\nnameSuffix: -b\n", "c/kustomization.yaml", "resources: [../x]\nnameSuffix: -c\nnamespace: s\n", "x/kustomization.yaml", "resources: [a.yaml]", "x/a.yaml", object},
			&strategies.Place{Kind: "ConfigMap", Name: "a-c", Field: []string{"metadata", "namespace"}}, "c/kustomization.yaml:3:12"},
		{"one of two of one name",
			[]string{"web/kustomization.yaml", "resources: [../b, ../c]", "b/kustomization.yaml", "resources: [../x]\nnamespace: b\n", "c/kustomization.yaml", "resources: [../x]\nnamespace: c\n", "x/kustomization.yaml", "resources: [a.yaml]", "x/a.yaml", object},
			in("metadata namespace"), "web/kustomization.yaml:1:1"},
		{"generated config",
			[]string{"web/kustomization.yaml", "configMapGenerator:\n- name: b\n- name: a\n  literals: [x=y]\n"},
			&strategies.Place{Kind: "ConfigMap", Name: "a-4k2b7m9t5g", Field: []string{"data", "x"}}, "web/kustomization.yaml:3:3"},
		{"config with a name that only begins so",
			[]string{"web/kustomization.yaml", "configMapGenerator:\n- name: a\n"},
			&strategies.Place{Kind: "ConfigMap", Name: "a-b"}, "web/kustomization.yaml:1:1"},
		{"an item of a list",
			[]string{"web/kustomization.yaml", "resources: [l.yaml]", "web/l.yaml", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n"},
			in("metadata name"), "web/l.yaml:6:20"},
		{"behind an anchor",
			[]string{"web/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a}\nspec: *m\n"},
			in("spec name"), "web/a.yaml:3:21"},
		{"the selector that a kustomization's labels make",
			[]string{"web/kustomization.yaml", "resources: [a.yaml]\ncommonLabels:\n  team: shop\n", "web/a.yaml", object},
			in("spec selector team"), "web/kustomization.yaml:3:9"},
		{"labels that are not for selectors",
			[]string{"web/kustomization.yaml", "resources: [a.yaml]\nlabels:\n- {pairs: {team: shop}}\n", "web/a.yaml", object},
			in("spec selector team"), "web/a.yaml:5:1"},
	} {
		if got := located(t, c.files, c.at); got != c.want {
			t.Errorf("%s: found at %s, want %s", c.what, got, c.want)
		}
	}
}

// What has its place already keeps it, and an error that is nobody's mistake stays as it is.
func TestLocateLeavesTheRest(t *testing.T) {
	tree := commit("web/a.yaml", configMap("a"))
	trouble := errors.New("the network is away")
	if got := Locate(tree, "web", strategies.Material{}, trouble); got != trouble {
		t.Errorf("got %v", got)
	}
	known := &strategies.Mistake{Path: "x", Line: 7, Col: 3, Err: trouble, At: &strategies.Place{}}
	if got := Locate(tree, "web", strategies.Material{}, strategies.Mistakes{known, {Path: "web", Err: trouble}}).Error(); got != "x:7:3: the network is away\nweb: the network is away" {
		t.Errorf("got %s", got)
	}
}

// Whatever is in the files: a place is in a file of the commit, and nothing panics.
func FuzzLocate(f *testing.F) {
	f.Add("resources: [a.yaml]\nnamePrefix: x\npatches: [{path: p.yaml, target: {name: '['}}]\n", configMap("a"), "- {op: add, path: /spec, value: {}}", "spec x=y 0")
	f.Add("resources: [../web]\ncomponents: [.]\nlabels: [{pairs: 1}]\nreplicas: 3\n", "a: *b", "&a [*a]", "metadata labels x")
	f.Add("patches:\n- patch: |\n    kind: ConfigMap\n\n    metadata: {name: a}\nconfigMapGenerator: [[], {name: []}]\nresources: {a: b}", "- - -", "? {a: b}\n: c", "")
	f.Add("patches:\n- {patch: \"- {op: x}\\n- path\", target: {}}\n- patch: '- path: \"\"\n    '\n", "apiVersion: v1\nkind: List\nitems: [1, {metadata: 2}]\n", "metadata: 3", "metadata namespace")
	f.Fuzz(func(t *testing.T, sheet, object, patch, field string) {
		for _, name := range []string{"web/kustomization.yaml", "web/notes.yaml"} {
			tree := commit(name, sheet, "web/a.yaml", object, "web/p.yaml", patch, "web/rollout.yaml", patch)
			places := strategies.Mistakes{
				{At: &strategies.Place{Kind: "ConfigMap", Name: "a", Field: strings.Fields(field)}, Err: errors.New("x")},
				{At: strategies.RolloutField(strings.Fields(field)...), Err: errors.New("x")},
			}
			var found strategies.Mistakes
			if err := Locate(tree, "web", strategies.Material{}, places); !errors.As(err, &found) {
				t.Fatal(err)
			}
			for _, m := range append(found, blame(tree, "web", errors.New(patch))...) {
				if tree[m.Path] == nil && len(m.Path) > 0 && !strings.HasPrefix(m.Err.Error(), "it cannot be read") || m.Line < 1 || m.Col < 1 {
					t.Errorf("%s is no place", m)
				}
			}
		}
	})
}
