package render

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// What a kustomization refers to must be in the same commit. Anything else is refused
// with its place, before a process is started and before anybody is asked (SPEC 8.3):
// git stands on the path here and a server listens, and neither may notice.
func TestNothingIsFetched(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = fmt.Fprint(w, configMap("fetched"))
	}))
	defer server.Close()
	bin := t.TempDir()
	ran := filepath.Join(bin, "ran")
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte("#!/bin/sh\n: > "+ran+"\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	for _, c := range []struct{ name, kustomization, at string }{
		{"a file by its URL", "resources: [" + server.URL + "/web.yaml]", "web/kustomization.yaml:1:13: "},
		{"a repository over HTTPS", "resources:\n- https://example.invalid/org/repo//base?ref=v1\n", "web/kustomization.yaml:2:3: "},
		{"a repository over SSH", "bases:\n- git@example.invalid:org/repo\n", "web/kustomization.yaml:2:3: "},
		{"with a scheme", "bases: ['ssh://git@example.invalid/org/repo']", "web/kustomization.yaml:1:9: "},
		{"another user", "resources: ['org-1@example.invalid:org/repo']", "web/kustomization.yaml:1:13: "},
		{"the short way", "resources: [github.com/org/repo]", "web/kustomization.yaml:1:13: "},
		{"a component", "components: ['git::https://example.invalid/org/repo']", "web/kustomization.yaml:1:14: "},
		{"beside good ones", "resources: [a.yaml]\npatches:\n- path: " + server.URL + "/patch.yaml\n", "web/kustomization.yaml:3:9: "},
		{"a file for config", "configMapGenerator:\n- name: c\n  files: ['x=" + server.URL + "/x']\n", "web/kustomization.yaml:3:11: "},
		{"in braces", "configMapGenerator:\n- name: c\n  files: ['x=" + server.URL + "/{x}']\n", "web/kustomization.yaml:3:11: "},
		{"a generator", "generators: ['org-1@example.invalid:org/repo']", "web/kustomization.yaml:1:1: "},
		{"a transformer that is written out", "transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  path: " + server.URL + "/x\n", "web/kustomization.yaml:1:1: "},
		{"a schema", "openapi: {path: a.yaml}", "web/kustomization.yaml:1:1: "}, // kustomize panics on one that is none
		{"in other letters", "RESOURCES: ['org-1@example.invalid:org/repo']", "web/kustomization.yaml:1:1: "},
		{"by merging", "<<: {resources: ['org-1@example.invalid:org/repo']}", "web/kustomization.yaml:1:1: "},
		{"behind an alias", "crds: &x ['org-1@example.invalid:org/repo']\nresources: *x\n", "web/kustomization.yaml:"},
	} {
		_, err := Objects(commit("web/kustomization.yaml", c.kustomization, "web/a.yaml", configMap("a")), "web", From{})
		if err == nil || !strings.HasPrefix(err.Error(), c.at) {
			t.Errorf("%s: %v, want a mistake at %s", c.name, err, c.at)
		}
		if _, err := os.Stat(ran); err == nil || asked.Load() > 0 {
			t.Fatalf("%s: git was started or the server was asked", c.name)
		}
	}
}

// A base that is remote itself is no way around it.
func TestRemoteBaseOfABase(t *testing.T) {
	_, err := Objects(commit(
		"web/kustomization.yaml", "resources: [../base]",
		"base/kustomization.yaml", "resources:\n- https://example.invalid/web.yaml\n",
	), "web", From{})
	want := `base/kustomization.yaml:2:3: "https://example.invalid/web.yaml" is outside this repository: keep a copy of it in the repository`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
