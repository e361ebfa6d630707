package cluster

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// A server that cannot stream a first list, as before Kubernetes 1.34, is asked for the newest
// one of every kind: at version 0 it may answer with one of before the agent's last run.
func TestFirstList(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]string{} // the version, by resource
	kinds := map[string]string{}
	for kind, resource := range Watched {
		kinds[resource.Resource] = kind
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resource, query := path.Base(r.URL.Path), r.URL.Query()
		w.Header().Set("Content-Type", "application/json")
		switch {
		case query.Get("sendInitialEvents") != "":
			w.WriteHeader(http.StatusUnprocessableEntity)
			_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": http.StatusUnprocessableEntity,
				"message": `ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled`})
		case query.Get("watch") != "":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			mu.Lock()
			asked[resource] = query.Get("resourceVersion")
			mu.Unlock()
			_ = json.NewEncoder(w).Encode(map[string]any{"kind": kinds[resource] + "List", "apiVersion": Watched[kinds[resource]].GroupVersion().String(),
				"metadata": map[string]any{"resourceVersion": "41"}, "items": []any{}})
		}
	}))
	defer server.Close()
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	all, err := inform(client, "shop", &blindness{kinds: map[string]*Refusal{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer server.CloseClientConnections()
	defer stop()
	if err := all.Start(ctx, func(*unstructured.Unstructured) {}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for resource := range kinds {
		if version, listed := asked[resource]; !listed || version != "" {
			t.Errorf("%s: listed %v, at version %q, want the newest", resource, listed, version)
		}
	}
}
