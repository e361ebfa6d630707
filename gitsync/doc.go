// Package gitsync brings snapshots of a Git branch in and takes status commits
// out. It is the only importer of go-git and knows nothing of Kubernetes.
//
// A [Mirror] follows one branch of a repository. It asks the server where the
// branch is, downloads only when it moved, and hands out a [Snapshot]: a
// commit whose files are read by path straight from the object store.
//
// A [Ledger] writes to a branch of its own, as commits built in memory and
// pushed on top of a known parent: a compare-and-swap that the server decides.
//
// What it never does: check files out, follow a symbolic link or a submodule,
// run a process, force a push, skip verifying a certificate, or put a
// credential in an error. It keeps no goroutines of its own; only idle
// connections outlive a call, until Close.
package gitsync
