package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kexal/kexal/cmd/kexal/clone"
	"github.com/kexal/kexal/cmd/kexal/view"
	"github.com/spf13/cobra"
)

// The flags of the commands that read the status of a rollout.
type where struct {
	access       view.Access
	remote       string
	statusBranch string
}

func (w *where) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.access.Kubeconfig, "kubeconfig", "", "kubeconfig of the cluster (default: as kubectl finds it)")
	f.StringVarP(&w.access.Namespace, "namespace", "n", "", "namespace of the rollout (default: that of the kubeconfig)")
	f.StringVar(&w.remote, "remote", "origin", "Git remote that carries the ledger")
	f.StringVar(&w.statusBranch, "status-branch", "kexal/status", "branch that is the ledger")
}

// now is the clock of the commands that read a status.
var now = time.Now

// fromLedger reads what the clone has fetched.
func (w *where) fromLedger(ctx context.Context, c *clone.Clone, name string) (view.Found, error) {
	ledger, err := c.Ledger(ctx, w.remote, w.statusBranch)
	if err != nil {
		return view.Found{}, err
	}
	return view.Ledger(ctx, ledger, w.access.Namespace, name, now())
}

func (w *where) fromLedgerHere(ctx context.Context, name string) (view.Found, error) {
	c, err := clone.Open(ctx, ".")
	if err != nil {
		return view.Found{}, err
	}
	return w.fromLedger(ctx, c, name)
}

// fromCluster reads the state ConfigMaps. An error of type unreached says that no
// cluster answered; any other is the answer.
func (w *where) fromCluster(ctx context.Context, name string) (view.Found, error) {
	cluster, err := w.access.Open()
	if err != nil {
		return view.Found{}, unreached{err}
	}
	found, err := cluster.Read(ctx, name, now())
	var absent *view.NotFoundError
	if err != nil && !errors.As(err, &absent) {
		return found, unreached{err}
	}
	return found, err
}

// unreached is a cluster that could not be asked, or did not let itself be read.
type unreached struct{ err error }

func (u unreached) Error() string { return fmt.Sprintf("the cluster cannot be read: %v", u.err) }
func (u unreached) Unwrap() error { return u.err }
