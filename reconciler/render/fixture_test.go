package render

import (
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// commit is a tree of files, each written as "path" and text.
func commit(files ...string) fstest.MapFS {
	tree := fstest.MapFS{}
	for i := 0; i+1 < len(files); i += 2 {
		tree[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return tree
}

func configMap(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
}

func rendered(t *testing.T, tree fstest.MapFS, dir string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := Objects(tree, dir, From{Name: path.Base(dir), Namespace: "shop"})
	if err != nil {
		t.Fatalf("render %s: %v", dir, err)
	}
	return objects
}

// names are the kinds and names of objects, in their order.
func names(objects []*unstructured.Unstructured) string {
	var all []string
	for _, o := range objects {
		all = append(all, o.GetKind()+"/"+o.GetName())
	}
	return strings.Join(all, " ")
}
