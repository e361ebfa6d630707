package gitsync

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
)

// A person reads what was tried and what to check; and the same failure has the same
// words each time, whatever ports and addresses it met (SPEC 7.4).
func TestNoWay(t *testing.T) {
	addr := func(port int) net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: port} }
	refused := func(to int) error {
		return &url.Error{Op: "Get", URL: "https://git.corp/", Err: &net.OpError{Op: "dial", Net: "tcp", Addr: addr(to), Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
	}
	reset := func(from int) error {
		return &net.OpError{Op: "read", Net: "tcp", Source: addr(from), Addr: addr(443), Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	reach := ": check that it runs, and that no NetworkPolicy, firewall or proxy keeps this pod from it"
	for _, c := range []struct {
		want string
		errs []error
	}{
		{"no connection to git.corp: connection refused" + reach, []error{refused(443), refused(8443)}},
		{"the connection to git.corp broke: connection reset by peer" + reach, []error{reset(40001), reset(40002), fmt.Errorf("read pack: %w", reset(3))}},
		{"the connection to git.corp broke: unexpected EOF" + reach, []error{errors.New("unexpected EOF")}},
		{"the name git.corp is unknown here: check the URL, and that the cluster's DNS knows this name",
			[]error{&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "git.corp", Server: "10.0.0.10:53", IsNotFound: true}}}},
		{"the name git.corp cannot be looked up: check that this pod may ask the cluster's DNS, and that it answers",
			[]error{&net.DNSError{Err: "read udp 10.1.2.3:51234->10.0.0.10:53: i/o timeout", Name: "git.corp", IsTimeout: true}}},
		{"no connection to the proxy on the way to git.corp: connection refused: check HTTPS_PROXY and NO_PROXY, and that the proxy runs",
			[]error{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: &net.OpError{Op: "dial", Net: "tcp", Addr: addr(3128), Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}}},
	} {
		for _, err := range c.errs {
			what, fix := (&Error{URL: "https://git.corp/shop.git"}).noWay(err)
			if got := what + ": " + fix; got != c.want {
				t.Errorf("%v\ngave %s\nwant %s", err, got, c.want)
			}
		}
	}
}
