//go:build teeth

package main

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"k8s.io/client-go/rest"
)

// dies makes the process end at its Nth write to the cluster, for the stories that kill
// the agent on every line that writes: DIE=before:3 ends it before the third write is
// sent, DIE=after:3 when it was made and the answer is lost. Leases are not counted.
//
// STALL=before:3 stops it there instead, with the Lease found valid and the write not on
// the wire yet.
func dies(config *rest.Config) {
	end := func() { os.Exit(137) }
	word := os.Getenv("DIE")
	if word == "" {
		word = os.Getenv("STALL")
		end = func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) } // it reaches us, or nobody
	}
	when, number, _ := strings.Cut(word, ":")
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
				end()
			}
			answer, err := next.RoundTrip(r)
			if n == at && when == "after" {
				end()
			}
			return answer, err
		})
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
