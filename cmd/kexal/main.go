// Command kexal releases step by step, with nothing but a namespace and a Git repository: the
// agent, and the command line beside it. Here are flags and wiring only.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run())
}

// run is main with an exit code, so that deferred calls are made.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "kexal: %v\n", err)
		return 1
	}
	return 0
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "kexal",
		Short:         "Progressive delivery with nothing but a namespace and a Git repository",
		SilenceUsage:  true,
		SilenceErrors: true, // main says them, once
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(
		newAgentCommand(),
		newGetCommand(),
		newPromoteCommand(),
		newAbortCommand(),
		newVersionCommand(),
	)
	return root
}
