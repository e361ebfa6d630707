// Command kexal releases step by step, with nothing but a namespace and a Git repository: the
// agent, and the command line beside it. Here are flags and wiring only.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // windows name time zones, and an image of one file has none (SPEC 3.5)

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run())
}

// run is main with an exit code, so that deferred calls are made.
func run() int {
	ctx, stop := untilSignal()
	defer stop()
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "kexal: %v\n", err)
		return 1
	}
	return 0
}

// untilSignal gives a context that ends with the first SIGINT or SIGTERM. A second one
// ends the process at once: it is let through before anything hears of the first, which
// signal.NotifyContext cannot promise.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals)
		cancel()
	}()
	return ctx, cancel
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
		newExplainCommand(),
		newPromoteCommand(),
		newAbortCommand(),
		newRetryCommand(),
		newPlanCommand(),
		newRenderCommand(),
		newSimulateCommand(),
		newVersionCommand(),
	)
	return root
}
