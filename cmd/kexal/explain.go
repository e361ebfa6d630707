package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kexal/kexal/cmd/kexal/clone"
	"github.com/kexal/kexal/cmd/kexal/explain"
	"github.com/kexal/kexal/cmd/kexal/view"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newExplainCommand() *cobra.Command {
	var (
		w               where
		ledger, cluster bool
		output          string
	)
	cmd := &cobra.Command{
		Use:   "explain [NAME]",
		Short: "Say why a rollout stands where it stands, what would move it, what comes next",
		Long: "Say why a rollout stands where it stands, what would move it, and what happens next by itself and when.\n" +
			"NAME may be a directory; without one it is the only rollout there is. It reads what `kexal get` reads. What\n" +
			"comes next is played from the state in the cluster, by the rules of the agent and under a clock of its own;\n" +
			"the ledger has no state and tells less.",
		Example: "  kexal explain web -n shop\n  kexal explain ./apps/web    # a directory works too\n  kexal explain web -o json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "" && output != "json" {
				return fmt.Errorf("-o %s: write json", output)
			}
			ctx, name := cmd.Context(), ""
			if len(args) > 0 {
				var err error
				if name, err = w.named(ctx, args[0]); err != nil {
					return err
				}
			}
			found, err := w.read(ctx, name, ledger, cluster, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			the, err := theOnly(found)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), found.Where)
			if err := found.Troubles(cmd.ErrOrStderr()); err != nil {
				return err
			}
			e := explain.Of(explain.Facts{Status: the.Status, State: the.State, From: found.Where, Now: now()})
			if output == "json" {
				return e.WriteJSON(cmd.OutOrStdout())
			}
			return e.Write(cmd.OutOrStdout(), explain.Look{Color: painted(cmd.OutOrStdout())})
		},
	}
	w.addFlags(cmd)
	cmd.Flags().BoolVar(&ledger, "ledger", false, "read the ledger of this clone")
	cmd.Flags().BoolVar(&cluster, "cluster", false, "read the cluster")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json: for programs")
	cmd.MarkFlagsMutuallyExclusive("ledger", "cluster")
	return cmd
}

// named is the rollout that an argument means: its name, or that of a directory, which no
// name looks like.
func (w *where) named(ctx context.Context, arg string) (string, error) {
	if !strings.ContainsAny(arg, "/\\.") {
		return arg, nil
	}
	c, err := clone.Open(ctx, ".")
	if err != nil {
		return "", err
	}
	r, err := c.Find(ctx, arg)
	if err != nil {
		return "", err
	}
	if w.access.Namespace == "" {
		w.access.Namespace = r.Namespace
	}
	return r.Name, nil
}

// theOnly is the rollout that was found.
func theOnly(found view.Found) (view.Rollout, error) {
	switch len(found.Rollouts) {
	case 0:
		return view.Rollout{}, fmt.Errorf("there is no rollout in the %s", found.Where)
	case 1:
		return found.Rollouts[0], nil
	}
	var names []string
	for _, r := range found.Rollouts {
		names = append(names, r.Metadata.Namespace+"/"+r.Metadata.Name)
	}
	return view.Rollout{}, fmt.Errorf("there are several rollouts: %s; name one", strings.Join(names, ", "))
}

// painted tells that colours are welcome: on a terminal, and where nobody said otherwise.
func painted(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
