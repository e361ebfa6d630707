package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kexal/kexal/cmd/kexal/view"
	"github.com/spf13/cobra"
)

func newGetCommand() *cobra.Command {
	var (
		w               where
		ledger, cluster bool
		output          string
	)
	cmd := &cobra.Command{
		Use:   "get [NAME]",
		Short: "Show where rollouts are",
		Long: "Show where rollouts are, as the cluster says it, or else as the ledger of this clone does.\n" +
			"The first line says which of them spoke, and how old its news is; then comes what is wrong beside the\n" +
			"rollouts, such as a mirror that cannot be read. With -o both go to standard error.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			switch output {
			case "", "json", "yaml":
			default:
				return fmt.Errorf("-o %s: write json or yaml", output)
			}
			found, err := w.read(cmd.Context(), name, ledger, cluster, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if output != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), found.Where)
				if err := found.Troubles(cmd.ErrOrStderr()); err != nil {
					return err
				}
			}
			out := cmd.OutOrStdout()
			switch {
			case output == "json":
				return found.WriteJSON(out, name != "")
			case output == "yaml":
				return found.WriteYAML(out, name != "")
			}
			fmt.Fprintln(out, found.Where)
			if name != "" {
				return found.Block(out)
			}
			return found.Table(out)
		},
	}
	w.addFlags(cmd)
	cmd.Flags().BoolVar(&ledger, "ledger", false, "read the ledger of this clone")
	cmd.Flags().BoolVar(&cluster, "cluster", false, "read the cluster")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json or yaml: the status document itself")
	cmd.MarkFlagsMutuallyExclusive("ledger", "cluster")
	return cmd
}

// read asks the cluster, and the ledger when no cluster can be reached (SPEC 8.5).
func (w *where) read(ctx context.Context, name string, ledger, cluster bool, stderr io.Writer) (view.Found, error) {
	if ledger {
		return w.fromLedgerHere(ctx, name)
	}
	found, err := w.fromCluster(ctx, name)
	var no unreached
	if cluster || !errors.As(err, &no) {
		return found, err
	}
	found, fromLedger := w.fromLedgerHere(ctx, name)
	if fromLedger != nil {
		return found, fmt.Errorf("%w\n%w", err, fromLedger)
	}
	// Who has a cluster wants to know why it did not speak; who has none knows.
	if !errors.Is(err, view.ErrNoCluster) {
		fmt.Fprintln(stderr, err)
	}
	return found, nil
}
