package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"

	"github.com/kexal/kexal/fixtures/standings"
)

// stands PLACE [DIR] plays a rollout to where it stands so (see package standings) and serves
// its state ConfigMap as the cluster of what follows; the clock stops a moment later. With a
// directory it writes the status there, as the agent writes it into the ledger.
func stands(ts *testscript.TestScript, _ bool, args []string) {
	s, err := standings.Play(args[0])
	ts.Check(err)
	status, err := json.Marshal(s.Status())
	ts.Check(err)
	ts.Setenv("KEXAL_TEST_NOW", s.Play.World.Now.Add(time.Second).Format(time.RFC3339))
	if len(args) > 1 {
		doc, err := yaml.JSONToYAML(status)
		ts.Check(err)
		ts.Check(os.MkdirAll(filepath.Join(ts.MkAbs(args[1]), "shop", "web"), 0o755))
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[1]), "shop", "web", "status.yaml"), doc, 0o644))
		return
	}
	object := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "kexal-web", "namespace": "shop"},
		"data": map[string]any{"status.json": string(status), "state.json": s.Play.Record},
	}
	reply := func(w http.ResponseWriter, code int, doc any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(doc) // a client that is gone wants no answer
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/namespaces/shop/configmaps", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, map[string]any{"apiVersion": "v1", "kind": "ConfigMapList", "metadata": map[string]any{}, "items": []any{object}})
	})
	mux.HandleFunc("GET /api/v1/namespaces/shop/configmaps/kexal-web", func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, object) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 404, map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})
	})
	server := httptest.NewServer(mux)
	ts.Defer(server.Close)
	config := "apiVersion: v1\nkind: Config\ncurrent-context: dev\n" +
		"contexts: [{name: dev, context: {cluster: dev, user: dev, namespace: shop}}]\n" +
		"clusters: [{name: dev, cluster: {server: \"" + server.URL + "\"}}]\nusers: [{name: dev, user: {}}]\n"
	path := filepath.Join(ts.Getenv("WORK"), "kubeconfig")
	ts.Check(os.WriteFile(path, []byte(config), 0o600))
	ts.Setenv("KUBECONFIG", path)
}
