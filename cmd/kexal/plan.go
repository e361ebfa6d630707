package main

import (
	"fmt"
	"io"
	"os"

	"github.com/kexal/kexal/cmd/kexal/clone"
	"github.com/kexal/kexal/cmd/kexal/plan"
	"github.com/spf13/cobra"
)

func newPlanCommand() *cobra.Command {
	var (
		in     planned
		output string
	)
	cmd := &cobra.Command{
		Use:   "plan [NAME|DIR]",
		Short: "Show what a commit would do to what runs",
		Long: "Show what a commit would do to what runs now: the difference of objects, the steps of the rollout with pods and\n" +
			"weights, the gates and who opens them. Without --rev it is about the files as they lie on disk.\n" +
			"What runs is what the cluster says, or else what the ledger of this clone does; with --from it is another commit.\n" +
			"Nothing is written anywhere, and nothing but the state of the rollout need be readable.",
		Example: "  kexal plan                          # the rollout here, as its files lie on disk\n  kexal plan web --rev HEAD\n  kexal plan web --from main --rev my-branch -o markdown",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			write, err := planWriter(output)
			if err != nil {
				return err
			}
			c, err := clone.Open(cmd.Context(), ".")
			if err != nil {
				return err
			}
			if len(args) > 0 {
				in.what = args[0]
			}
			p, err := in.make(cmd.Context(), c, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := write(p, cmd.OutOrStdout()); err != nil {
				return err
			}
			if p.Outcome == plan.Mistaken {
				return fmt.Errorf("%s cannot be planned until that is mended", p.Rollout)
			}
			return nil
		},
	}
	in.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&in.rev, "rev", "", "commit to plan, as git takes it (default: the files as they lie on disk)")
	f.StringVar(&in.from, "from", "", "commit that is taken to run: asks neither a cluster nor a ledger")
	f.BoolVar(&in.ledger, "ledger", false, "what runs is what the ledger of this clone says")
	f.BoolVar(&in.cluster, "cluster", false, "what runs is what the cluster says")
	f.StringVarP(&output, "output", "o", "", "json, or markdown for a comment on a merge request")
	cmd.MarkFlagsMutuallyExclusive("ledger", "cluster", "from")
	return cmd
}

func planWriter(output string) (func(plan.Plan, io.Writer) error, error) {
	switch output {
	case "":
		return func(p plan.Plan, w io.Writer) error { return p.WriteText(w, colorful(w)) }, nil
	case "json":
		return plan.Plan.WriteJSON, nil
	case "markdown":
		return plan.Plan.WriteMarkdown, nil
	}
	return nil, fmt.Errorf("-o %s: write json or markdown", output)
}

// colorful tells a terminal whose owner did not ask for none (https://no-color.org).
func colorful(w io.Writer) bool {
	file, is := w.(*os.File)
	if !is || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
