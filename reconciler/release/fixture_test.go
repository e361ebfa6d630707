package release

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/kexal/kexal/strategies"
)

// objects reads YAML documents as render does: whole numbers stay whole.
func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for doc := range strings.SplitSeq(text, "\n---\n") {
		asJSON, err := k8syaml.YAMLToJSON([]byte(doc + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal(asJSON, &o.Object); err != nil {
			t.Fatal(err)
		}
		if o.Object != nil {
			all = append(all, o)
		}
	}
	return all
}

// read sorts out a release of rollout web in namespace shop.
func read(t *testing.T, text string) *Release {
	t.Helper()
	r, err := Read("apps/web", "web", "shop", strategies.Spec{}, objects(t, text))
	if err != nil {
		t.Fatalf("%v, of\n%s", err, text)
	}
	return r
}

// swap replaces the one place of old in a text.
func swap(t *testing.T, text, old, replacement string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q is there %d times", old, strings.Count(text, old))
	}
	return strings.Replace(text, old, replacement, 1)
}

// at is a value deep inside an object; a number is an index of a list.
func at(t *testing.T, o any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := o.(map[string]any)
			o = m[step]
		case int:
			list, _ := o.([]any)
			if step >= len(list) {
				return nil
			}
			o = list[step]
		}
	}
	return o
}
