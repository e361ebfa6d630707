package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// An API server that gives the Lease to whoever asks first, and then hangs: an agent that
// is told to end does so within its bounds, and at the second signal at once.
func TestSignals(t *testing.T) {
	for _, test := range []struct {
		name    string
		signals int
		ended   func(*os.ProcessState) bool
	}{
		{"one", 1, func(s *os.ProcessState) bool { return s.ExitCode() == 0 }},
		{"two", 2, func(s *os.ProcessState) bool { return s.Sys().(syscall.WaitStatus).Signal() == syscall.SIGTERM }},
	} {
		t.Run(test.name, func(t *testing.T) {
			leads, givesBack := make(chan struct{}), make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body) // an answer that hangs needs none
				switch {
				case strings.Contains(r.URL.Path, "/leases/") && r.Method == http.MethodGet:
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusNotFound)
					fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
					return
				case strings.HasSuffix(r.URL.Path, "/leases") && r.Method == http.MethodPost:
					w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
					_, _ = w.Write(body)
					return
				case strings.HasSuffix(r.URL.Path, "/pods"):
					close(leads) // it watches, so it works
				case r.Method == http.MethodPut:
					o, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
					if err != nil {
						t.Error(err)
					} else if *o.(*coordinationv1.Lease).Spec.HolderIdentity == "" {
						close(givesBack)
					}
				}
				<-r.Context().Done()
			}))
			defer server.Close()

			var log bytes.Buffer
			agent := exec.Command("kexal", "agent", "-n", "shop", "--repo", server.URL+"/shop.git",
				"--cache-dir", t.TempDir(), "--kubeconfig", kubeconfig(t, server.URL))
			agent.Stdout, agent.Stderr = &log, &log
			if err := agent.Start(); err != nil {
				t.Fatal(err)
			}
			gone := make(chan struct{})
			go func() {
				_ = agent.Wait() // its state tells
				close(gone)
			}()
			wait := func(what string, c <-chan struct{}) {
				t.Helper()
				select {
				case <-c:
				case <-time.After(time.Minute):
					_ = agent.Process.Kill()
					<-gone
					t.Fatalf("waited in vain until %s; the log:\n%s", what, &log)
				}
			}
			wait("it leads", leads)
			began := time.Now()
			for n := range test.signals {
				if n == 1 {
					wait("it gives the Lease back", givesBack)
				}
				if err := agent.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
			wait("it ends", gone)
			t.Logf("it ended after %s: %s", time.Since(began), agent.ProcessState)
			if !test.ended(agent.ProcessState) || time.Since(began) > 10*time.Second {
				t.Errorf("it ended after %s with %s; the log:\n%s", time.Since(began), agent.ProcessState, &log)
			}
		})
	}
}

func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{ // JSON is YAML
		"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": []any{map[string]any{"name": "c", "cluster": map[string]any{"server": server}}},
		"contexts": []any{map[string]any{"name": "c", "context": map[string]any{"cluster": "c"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
