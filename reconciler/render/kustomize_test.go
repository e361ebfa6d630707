package render

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const webYAML = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web
        envFrom: [{configMapRef: {name: settings}}]
`

func overlay(color string) fstest.MapFS {
	return commit(
		"base/kustomization.yaml", "resources: [web.yaml]",
		"base/web.yaml", webYAML,
		"web/kustomization.yaml", "resources: [../base]\nimages: [{name: web, newTag: v2}]\nconfigMapGenerator:\n- name: settings\n  literals: [COLOR="+color+"]\n",
		"web/rollout.yaml", "not: rendered",
	)
}

// image and config are what the one container of the release runs and reads.
func imageAndConfig(t *testing.T, objects []*unstructured.Unstructured) (image, config string) {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		list, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		c := list[0].(map[string]any)
		from := c["envFrom"].([]any)[0].(map[string]any)["configMapRef"].(map[string]any)
		return c["image"].(string), from["name"].(string)
	}
	t.Fatalf("no Deployment in %s", names(objects))
	return "", ""
}

// A base may lie beside the directory. Config that kustomize generates is named by its
// content and the pods refer to that name, so that new config is a new revision (K5).
func TestKustomization(t *testing.T) {
	image, red := imageAndConfig(t, rendered(t, overlay("red"), "web"))
	_, blue := imageAndConfig(t, rendered(t, overlay("blue"), "web"))
	_, again := imageAndConfig(t, rendered(t, overlay("red"), "web"))
	hashed := regexp.MustCompile(`^settings-[2456789bcdfghkmt]{10}$`)
	if image != "web:v2" || !hashed.MatchString(red) || red == blue || red != again {
		t.Errorf("image %s; config is named %s, other content %s, the same again %s", image, red, blue, again)
	}
}

// Each of the three names that kustomize reads makes a kustomization of a directory;
// files beside it that it does not list are not rendered.
func TestKustomizationNames(t *testing.T) {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		tree := commit("web/"+name, "resources: [a.yaml]", "web/a.yaml", configMap("a"), "web/b.yaml", configMap("b"))
		if got := names(rendered(t, tree, "web")); got != "ConfigMap/a" {
			t.Errorf("%s renders %s", name, got)
		}
	}
}

// A patch that is written out may mention addresses: they are the app's business.
func TestPatchMentionsAnAddress(t *testing.T) {
	tree := commit("web/a.yaml", configMap("a"), "web/kustomization.yaml", `resources: [a.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: a}
    data: {url: "https://example.invalid/"}
`)
	data, _, _ := unstructured.NestedStringMap(rendered(t, tree, "web")[0].Object, "data")
	if data["url"] != "https://example.invalid/" {
		t.Errorf("data is %v", data)
	}
}

// Somebody's link, submodule or huge file elsewhere in the tree is no fault of this
// rollout; one that it uses is said to be missing.
func TestUnreadableFiles(t *testing.T) {
	tree := overlay("red")
	tree["docs/link.yaml"] = &fstest.MapFile{Data: []byte("../../etc/passwd"), Mode: fs.ModeSymlink}
	tree["vendor/module"] = &fstest.MapFile{Mode: fs.ModeIrregular}
	tree["docs/movie.yaml"] = &fstest.MapFile{Data: []byte("big")}
	sealed := sealedFS{tree, "docs/movie.yaml"}
	if _, err := Objects(sealed, "web", From{}); err != nil {
		t.Errorf("a file that is not used keeps it from rendering: %v", err)
	}
	if _, err := Objects(sealedFS{tree, "base/web.yaml"}, "web", From{}); err == nil {
		t.Error("a resource that cannot be read is left out in silence")
	}
	if _, err := Objects(sealedFS{commit("web/a.yaml", configMap("a")), "web/a.yaml"}, "web", From{}); !errors.Is(err, errSealed) {
		t.Errorf("a file of a plain directory that cannot be read: %v", err)
	}
}

// sealedFS holds one file that cannot be read, as a snapshot holds one that is too
// large.
type sealedFS struct {
	fstest.MapFS
	sealed string
}

var errSealed = errors.New("too large")

func (s sealedFS) ReadFile(name string) ([]byte, error) {
	if name == s.sealed {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errSealed}
	}
	return s.MapFS.ReadFile(name)
}

func (s sealedFS) Open(name string) (fs.File, error) {
	if name == s.sealed {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errSealed}
	}
	return s.MapFS.Open(name)
}

// A commit that is too large is refused with the bounds, and the memory it would take
// is never asked for.
func TestTooLarge(t *testing.T) {
	many := overlay("red")
	for i := range maxFiles {
		many[fmt.Sprintf("data/%d.json", i)] = &fstest.MapFile{}
	}
	heavy := overlay("red")
	chunk := &fstest.MapFile{Data: make([]byte, 8<<20)}
	for i := range maxBytes/len(chunk.Data) + 1 {
		heavy[fmt.Sprintf("data/%d.bin", i)] = chunk
	}
	for what, tree := range map[string]fstest.MapFS{"many files": many, "large files": heavy} {
		if _, err := Objects(tree, "web", From{}); err == nil || !strings.Contains(err.Error(), "the commit is too large to render: at most 10000 files of 64 MiB together") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Builds take turns (kustomize keeps its schema in a global), so that several at once
// give what one alone gives.
func TestBuildsAtOnce(t *testing.T) {
	colors := []string{"red", "blue", "green"}
	want := map[string]string{}
	for _, c := range colors {
		_, want[c] = imageAndConfig(t, rendered(t, overlay(c), "web"))
	}
	var wg sync.WaitGroup
	got := make([]string, 12)
	for i := range got {
		wg.Go(func() {
			objects, err := Objects(overlay(colors[i%3]), "web", From{})
			if err != nil {
				t.Error(err)
				return
			}
			for _, o := range objects {
				if o.GetKind() == "ConfigMap" {
					got[i] = o.GetName()
				}
			}
		})
	}
	wg.Wait()
	for i, name := range got {
		if name != want[colors[i%3]] {
			t.Errorf("build %d of %s gave %s, alone it gives %s", i, colors[i%3], name, want[colors[i%3]])
		}
	}
}
