package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kexal/kexal/cmd/kexal/clone"
	"github.com/kexal/kexal/cmd/kexal/edit"
	"github.com/kexal/kexal/cmd/kexal/view"
	"github.com/kexal/kexal/strategies"
	"github.com/spf13/cobra"
)

func newPromoteCommand() *cobra.Command {
	var (
		in    intent
		asked edit.Promotion
	)
	cmd := &cobra.Command{
		Use:   "promote NAME",
		Short: "Let a rollout pass the step it waits at: edit rollout.yaml, commit, push",
		Long: "Let a rollout pass the step it waits at, or the steps up to --step, or all of them.\n" +
			"It edits rollout.yaml, commits and pushes with your own git, and prints those lines.",
		Example: "  kexal promote web            # the step it waits at\n  kexal promote ./apps/web     # a directory works too\n  kexal promote web --step 5\n  kexal promote web --full\n  kexal promote web --ignore-windows",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return in.make(cmd, args[0], func(r clone.Rollout, s *strategies.Status) (text []byte, does string, err error) {
				asked.Revision = in.revision
				p, err := edit.Promote(r.Name, s, asked)
				if err != nil {
					return nil, "", err
				}
				if p.IgnoreWindows && asked.Step == 0 && !asked.Full {
					p = p.Keeping(r.Text, s)
				}
				text, err = edit.SetPromote(r.Text, p)
				return text, p.String(), err
			})
		},
	}
	in.addFlags(cmd)
	cmd.Flags().IntVar(&asked.Step, "step", 0, "pass the gates up to this step, counted from 1")
	cmd.Flags().BoolVar(&asked.Full, "full", false, "skip all steps and analyses that are left")
	cmd.Flags().BoolVar(&asked.IgnoreWindows, "ignore-windows", false, "pass the windows too, up to the end of this release")
	return cmd
}

func newAbortCommand() *cobra.Command {
	var in intent
	cmd := &cobra.Command{
		Use:   "abort NAME",
		Short: "Bring users back to the stable revision: edit rollout.yaml, commit, push",
		Long: "Bring users back to the stable revision, and stay there: the candidate is rejected.\n" +
			"It edits rollout.yaml, commits and pushes with your own git, and prints those lines.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return in.make(cmd, args[0], func(r clone.Rollout, s *strategies.Status) (text []byte, does string, err error) {
				revision, err := edit.Abort(r.Name, s, in.revision)
				if err != nil {
					return nil, "", err
				}
				text, err = edit.SetAbort(r.Text, revision)
				return text, "abort " + revision, err
			})
		},
	}
	in.addFlags(cmd)
	return cmd
}

func newRetryCommand() *cobra.Command {
	var (
		in    intent
		asked edit.Retrial
	)
	cmd := &cobra.Command{
		Use:   "retry NAME",
		Short: "Try a rejected revision again from its first step: edit rollout.yaml, commit, push",
		Long: "Try a revision again that was aborted, or rejected itself, from its first step. An abort of it goes.\n" +
			"It edits rollout.yaml, commits and pushes with your own git, and prints those lines.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return in.make(cmd, args[0], func(r clone.Rollout, s *strategies.Status) (text []byte, does string, err error) {
				asked.Revision = in.revision
				again, err := edit.Retry(r.Name, s, asked)
				if err != nil {
					return nil, "", err
				}
				if edit.StillOpen(r.Text, again.Revision, s) {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: promote names %s too, so what it opened is open again\n", r.File, again.Revision)
				}
				text, err = edit.SetRetry(r.Text, again, s)
				return text, again.String(), err
			})
		},
	}
	in.addFlags(cmd)
	cmd.Flags().IntVar(&asked.Attempt, "attempt", 0, "number of the attempt (default: one more than were made)")
	return cmd
}

// An intent is a command that edits rollout.yaml.
type intent struct {
	where
	branch   string
	revision string
	noPush   bool
	noFetch  bool
	dryRun   bool
}

func (in *intent) addFlags(cmd *cobra.Command) {
	in.where.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&in.branch, "branch", "", "branch the agent follows (default: the one its status names)")
	f.StringVar(&in.revision, "revision", "", "revision that is meant (default: the one that the status names)")
	f.BoolVar(&in.noPush, "no-push", false, "commit, and leave the push to you")
	f.BoolVar(&in.noFetch, "no-fetch", false, "take the ledger as it was fetched last")
	f.BoolVar(&in.dryRun, "dry-run", false, "print the change and the git lines, and do nothing")
}

// make finds the rollout, refuses what would not be heard or would lose something,
// and publishes the edit that decide makes.
func (in *intent) make(cmd *cobra.Command, arg string, decide func(clone.Rollout, *strategies.Status) ([]byte, string, error)) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	c, err := clone.Open(ctx, ".")
	if err != nil {
		return err
	}
	c.Stdout, c.Stderr = out, cmd.ErrOrStderr()
	r, err := c.Find(ctx, arg)
	if err != nil {
		return err
	}
	dirty, err := c.Dirty(ctx, r.File)
	if err != nil {
		return err
	}
	if dirty {
		return fmt.Errorf("%s has uncommitted edits: commit them or git stash them first", r.File)
	}
	status, err := in.status(ctx, c, r, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if err := in.checkBranch(ctx, c, r, status); err != nil {
		return err
	}
	text, does, err := decide(r, status)
	var refusal *edit.Refusal
	if errors.As(err, &refusal) {
		return errors.New(refusal.At(r.File))
	}
	if err != nil {
		return err
	}
	change := clone.Edit{File: r.File, Text: text, Message: r.Name + ": " + does}
	if string(text) == string(r.Text) {
		fmt.Fprintf(out, "%s says so already: there is nothing to commit; git push, if that is still to do\n", r.File)
		return nil
	}
	if in.dryRun {
		fmt.Fprint(out, edit.Diff(r.File, r.Text, text))
		for _, args := range c.Lines(change, !in.noPush) {
			fmt.Fprintln(out, "$ "+clone.Line(args))
		}
		return nil
	}
	return c.Publish(ctx, change, !in.noPush)
}

// status reads what is known about the rollout: the fetched ledger, else the state in
// the cluster. With --revision it may be nothing (SPEC 8.4).
func (in *intent) status(ctx context.Context, c *clone.Clone, r clone.Rollout, stderr io.Writer) (*strategies.Status, error) {
	if in.access.Namespace == "" {
		in.access.Namespace = r.Namespace
	}
	var unfetched error
	if !in.noFetch {
		unfetched = c.Fetch(ctx, in.remote, in.statusBranch)
	}
	found, err := in.fromLedger(ctx, c, r.Name)
	if err == nil {
		if unfetched != nil {
			fmt.Fprintf(stderr, "%v\ngoing by the %s\n", unfetched, found.Where)
		}
		return only(found), nil
	}
	if len(found.Rollouts) > 1 {
		return nil, err
	}
	found, inCluster := in.fromCluster(ctx, r.Name)
	if inCluster == nil {
		return only(found), nil
	}
	if in.revision != "" {
		return nil, nil
	}
	return nil, fmt.Errorf("it is not known what runs as %s; --revision names it\n%w\n%w", r.Name, errors.Join(unfetched, err), inCluster)
}

func only(found view.Found) *strategies.Status { return &found.Rollouts[0].Status }

// checkBranch refuses a commit that the agent would never see.
func (in *intent) checkBranch(ctx context.Context, c *clone.Clone, r clone.Rollout, s *strategies.Status) error {
	followed := in.branch
	if followed == "" && s != nil {
		followed = s.Source.Branch
	}
	if followed == "" {
		return fmt.Errorf("it is not known which branch the agent follows for %s: --branch names it", r.Name)
	}
	current, err := c.Branch(ctx)
	if err != nil {
		return err
	}
	if current != followed {
		return fmt.Errorf("%s is released from branch %s, and %s is checked out here: git switch %s first", r.Name, followed, current, followed)
	}
	return nil
}
