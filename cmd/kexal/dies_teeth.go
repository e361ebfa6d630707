//go:build teeth

package main

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"k8s.io/client-go/rest"
)

// dies makes the process end at its Nth write to the cluster, for the stories that kill
// the agent on every line that writes: DIE=before:3 ends it before the third write is
// sent, DIE=after:3 when it was made and the answer is lost. Leases are not counted.
func dies(config *rest.Config) {
	when, number, _ := strings.Cut(os.Getenv("DIE"), ":")
	at, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return
	}
	var writes atomic.Int64
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "/leases") || r.URL.Query().Has("dryRun") {
				return next.RoundTrip(r)
			}
			n := writes.Add(1)
			if n == at && when == "before" {
				os.Exit(137)
			}
			answer, err := next.RoundTrip(r)
			if n == at {
				os.Exit(137)
			}
			return answer, err
		})
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
