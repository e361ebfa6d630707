package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/kexal/kexal/gitsync"
	"github.com/kexal/kexal/reconciler"
	"github.com/kexal/kexal/reconciler/branches"
	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/reconciler/cluster/lease"
	"github.com/kexal/kexal/reconciler/release"
)

// agentFlags are what the agent is started with; each is also an environment variable.
type agentFlags struct {
	repo, branch   string
	paths          []string
	namespace      string
	statusBranch   string
	interval       time.Duration
	kubeconfig     string
	caFile         string
	credentialsDir string
	cacheDir       string
	logLevel       string
	logFormat      string
}

func newAgentCommand() *cobra.Command {
	var f agentFlags
	c := &cobra.Command{
		Use:   "agent",
		Short: "Follow a Git branch and release what it says, in one namespace",
		Long: `The agent pulls a branch, takes every rollout.yaml in it, moves its releases step
by step, and writes progress back as commits on the status branch.

Each flag can be given as an environment variable: --status-branch is
KEXAL_STATUS_BRANCH. A flag wins over its variable.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			return runAgent(cmd.Context(), f, cmd.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.repo, "repo", "", "the mirror: https://HOST/PATH, or http:// to loopback")
	flags.StringVar(&f.branch, "branch", "main", "the branch to follow")
	flags.StringSliceVar(&f.paths, "path", []string{"."}, "directory to look for rollouts in; repeatable")
	flags.StringVarP(&f.namespace, "namespace", "n", "", "the namespace; default: the pod's own")
	flags.StringVar(&f.statusBranch, "status-branch", "kexal/status", "the branch that status commits go to")
	flags.DurationVar(&f.interval, "interval", 15*time.Second, "how often the mirror is asked; at least 1s")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "outside a cluster: how to reach one")
	flags.StringVar(&f.caFile, "ca-file", "", "certificate authorities to trust besides the system's, for the mirror")
	flags.StringVar(&f.credentialsDir, "credentials-dir", "", "a mounted Secret with username and password, or bearerToken; read again when it changes")
	flags.StringVar(&f.cacheDir, "cache-dir", "", "where fetched objects are kept; may be lost at any time (default: a temporary directory)")
	flags.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&f.logFormat, "log-format", "json", "json, or console for people")
	return c
}

// fromEnvironment sets every flag that was not given from KEXAL_NAME.
func fromEnvironment(flags *pflag.FlagSet) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		variable := "KEXAL_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, found := os.LookupEnv(variable); found && !f.Changed {
			if err := flags.Set(f.Name, value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", variable, err))
			}
		}
	})
	return errors.Join(errs...)
}

func runAgent(ctx context.Context, f agentFlags, out io.Writer) error {
	log, err := newLog(f, out)
	if err != nil {
		return err
	}
	config, namespace, err := reach(f.kubeconfig, f.namespace)
	if err != nil {
		return err
	}
	switch {
	case f.repo == "":
		return errors.New("which repository? give --repo or KEXAL_REPO")
	case f.interval < time.Second:
		return fmt.Errorf("--interval %s is below 1s", f.interval)
	case f.branch == f.statusBranch:
		return fmt.Errorf("--branch and --status-branch are both %s: status commits need a branch of their own", f.branch)
	}
	if f.cacheDir == "" {
		dir, err := os.MkdirTemp("", "kexal-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		f.cacheDir = dir
	}
	freshToken(config)
	me, err := identity()
	if err != nil {
		return err
	}
	held, err := lease.New(config, namespace, me, log)
	if err != nil {
		return err
	}
	mirror, branch, err := openGit(f, held.Held)
	if err != nil {
		return err
	}
	defer mirror.Close()
	defer branch.Close()
	guards := guardsOff()
	dies(config)
	config.Wrap(held.Fence)
	world, err := cluster.New(config, namespace, release.Options{NoPreStop: guards.Drain})
	if err != nil {
		return err
	}
	r := reconciler.New(reconciler.Settings{
		Namespace: namespace, Branch: f.branch, Paths: f.paths, Interval: f.interval,
		Source: &branches.Source{Mirror: branches.Snapshots{Mirror: mirror}}, Ledger: &branches.Ledger{Branch: branch, Namespace: namespace},
		Cluster: world, Log: log, Guards: guards, Away: held.Away,
	})
	log.Info().Str("version", versionText()).Str("namespace", namespace).Str("repo", f.repo).Str("branch", f.branch).Msg("agent started")
	return held.Hold(ctx, r.Run)
}

// identity names this process among the agents of a namespace: the pod, and more where
// several processes share a host's name.
func identity() (string, error) {
	host, err := os.Hostname()
	return fmt.Sprintf("%s_%d_%d", host, os.Getpid(), time.Now().UnixNano()), err
}

// newLog is the agent's log; client-go's goes there too.
func newLog(f agentFlags, out io.Writer) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(f.logLevel)
	if err != nil {
		return zerolog.Logger{}, fmt.Errorf("--log-level: %w", err)
	}
	switch f.logFormat {
	case "json":
	case "console":
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05.000", NoColor: true}
	default:
		return zerolog.Logger{}, fmt.Errorf("--log-format %q is neither json nor console", f.logFormat)
	}
	zerolog.TimeFieldFormat = time.RFC3339Nano
	log := zerolog.New(out).Level(level).With().Timestamp().Logger()
	klog.SetSlogLogger(slog.New(zerolog.NewSlogHandler(log.Level(max(level, zerolog.WarnLevel)))))
	return log, nil
}

// reach finds the cluster: a kubeconfig when one is named, else the pod's own
// ServiceAccount.
func reach(kubeconfig, namespace string) (*rest.Config, string, error) {
	if kubeconfig != "" {
		loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}, &clientcmd.ConfigOverrides{})
		config, err := loader.ClientConfig()
		if err != nil {
			return nil, "", fmt.Errorf("--kubeconfig %s: %w", kubeconfig, err)
		}
		if namespace == "" {
			namespace, _, err = loader.Namespace()
		}
		return config, namespace, err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, "", fmt.Errorf("this is no pod: give --kubeconfig: %w", err)
	}
	if namespace == "" {
		text, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
		if err != nil {
			return nil, "", fmt.Errorf("which namespace? give --namespace: %w", err)
		}
		namespace = strings.TrimSpace(string(text))
	}
	return config, namespace, nil
}

// openGit prepares both ends of the repository. mayPush is asked before each status commit.
func openGit(f agentFlags, mayPush func() error) (*gitsync.Mirror, *gitsync.Ledger, error) {
	options := gitsync.Options{URL: f.repo, Branch: f.branch, CAFile: f.caFile, CredentialsDir: f.credentialsDir, CacheDir: filepath.Join(f.cacheDir, "git")}
	mirror, err := gitsync.Open(options)
	if err != nil {
		return nil, nil, err
	}
	options.Branch, options.MayPush = f.statusBranch, mayPush
	branch, err := gitsync.OpenLedger(options)
	return mirror, branch, err
}
