package render

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/strategies"
)

// What is rendered is what the programs of kustomize and of Helm print for the same directory. How
// their output was made stands in testdata/golden/make.sh.
func TestGolden(t *testing.T) {
	for kind, least := range map[string]int{"kustomize": 12, "helm": 6} {
		cases, err := fs.Glob(os.DirFS("testdata/golden"), kind+"/*")
		if err != nil || len(cases) < least {
			t.Fatalf("%d cases of %s, of %d at least: %v", len(cases), kind, least, err)
		}
		for _, c := range cases {
			t.Run(c, func(t *testing.T) {
				tree := os.DirFS(path.Join("testdata/golden", c))
				src, err := fs.ReadFile(tree, "web/rollout.yaml")
				if err != nil {
					t.Fatal(err)
				}
				rollout, err := strategies.Decode("web/rollout.yaml", src)
				if err != nil {
					t.Fatal(err)
				}
				objects, err := Objects(tree, "web", From{Material: rollout.Spec.Material, Name: "web", Namespace: "shop"})
				if err != nil {
					t.Fatal(err)
				}
				text, err := fs.ReadFile(tree, "want.yaml")
				if err != nil {
					t.Fatal(err)
				}
				wanted, wrong := parse("want.yaml", text)
				if len(wrong) > 0 || len(wanted) == 0 {
					t.Fatalf("want.yaml has %d objects: %v", len(wanted), wrong)
				}
				// Helm sorts them for its own installation; kexal writes them in an order of its own.
				is, want := byName(t, objects), byName(t, wanted)
				if len(is) != len(objects) || len(want) != len(wanted) {
					t.Fatal("two objects have one name")
				}
				for _, name := range slices.Sorted(maps.Keys(want)) {
					if is[name] != want[name] {
						t.Errorf("%s is rendered to\n%s\nand wanted is\n%s", name, is[name], want[name])
					}
				}
				for _, name := range slices.Sorted(maps.Keys(is)) {
					if _, known := want[name]; !known {
						t.Errorf("%s is rendered and not wanted:\n%s", name, is[name])
					}
				}
			})
		}
	}
}

// byName are objects as JSON, which has their keys sorted.
func byName(t *testing.T, objects []*unstructured.Unstructured) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, o := range objects {
		text, err := json.MarshalIndent(o.Object, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		all[o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName()] = string(text)
	}
	return all
}
