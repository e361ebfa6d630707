package main

import (
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// freshToken has the token read again as soon as the server refuses it. client-go looks into
// its file once a minute: a token that is revoked, and renewed in the file at once, would cost
// the Lease.
func freshToken(config *rest.Config) {
	if config.BearerTokenFile == "" {
		return
	}
	source := transport.NewCachedFileTokenSource(config.BearerTokenFile)
	config.BearerToken, config.BearerTokenFile = "", ""
	config.Wrap(transport.ResettableTokenSourceWrapTransport(source))
}
