//go:build teeth

package main

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"k8s.io/client-go/rest"
)

// dies makes the process end at its Nth write to the cluster, for the stories that kill
// the agent on every line that writes: DIE=before:3 ends it before the third write is
// sent, DIE=after:3 when it was made and the answer is lost. Leases are not counted.
// DIE=@FILE reads that word from a file as soon as it is there, and counts from then.
//
// STALL=before:3 stops it there instead, with the Lease found valid and the write not on
// the wire yet.
func dies(config *rest.Config) {
	// Not os.Exit: a build with the race detector lives on for a second in it, and renews its
	// Lease and writes from wherever else it was about to.
	d := death{word: os.Getenv("DIE"), end: syscall.SIGKILL}
	if stalls := os.Getenv("STALL"); stalls != "" {
		d.word, d.end = stalls, syscall.SIGSTOP
	}
	if d.word == "" {
		return
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "/leases") || r.URL.Query().Has("dryRun") {
				return next.RoundTrip(r)
			}
			when := d.comes()
			if when == "before" {
				_ = syscall.Kill(os.Getpid(), d.end) // it reaches us, or nobody
			}
			answer, err := next.RoundTrip(r)
			if when == "after" {
				_ = syscall.Kill(os.Getpid(), d.end)
			}
			return answer, err
		})
	})
}

// A death is where the process ends.
type death struct {
	word string
	end  syscall.Signal

	mu     sync.Mutex
	writes int
}

// comes counts a write, and tells "before" or "after" when it is the one.
func (d *death) comes() (when string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if file, later := strings.CutPrefix(d.word, "@"); later {
		word, err := os.ReadFile(file)
		if err != nil {
			return ""
		}
		d.word = string(word)
	}
	d.writes++
	when, number, _ := strings.Cut(d.word, ":")
	if n, err := strconv.Atoi(number); err != nil || n != d.writes {
		return ""
	}
	return when
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
