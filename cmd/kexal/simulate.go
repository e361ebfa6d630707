package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// mostPods bounds what is simulated: more of them say nothing more of the steps.
const mostPods = 1000

const simulateManual = `Show what a rollout.yaml does with a release: each step with its time, the share of users and the pods after
rounding, where it waits and for whom, and how it ends. The same code decides as in the agent, on a virtual
clock. Only the file is read: no cluster, no Git, no network.

FILE is a rollout.yaml or the directory of one (default: the one in this directory); - reads standard input.

The namespace is made up: oldrelease serves, and newrelease is pushed at 00:00:00, so that times of day in the
sentences are times since the push; --at pushes it at another time, to see windows. Pods take --pod-start to be ready, a person promotes --promote-after the
rollout began to wait for one, analyses pass after a minute. Nothing goes wrong, unless you say so:

  --fail-at WHEN          the new pods crash, and those that come after them
  --abort-at WHEN         a person writes kexal abort
  --fail-analysis WHERE   that analysis or experiment fails: step=2, background, pre-promotion or post-promotion

WHEN is one of

  start             the new pods start (--fail-at start: they never become ready)
  step=3            step 3 is in force: its weight is live, or it waits
  promotion         users are all on newrelease
  90s               so long after the push
  step=3+20s        so long after one of the others

Columns: NEW is the percentage of users that newrelease answers; pods are told as READY/ASKED, and as one number
where these are equal. Pods at once is what a quota has to let be, pods that are ending included.`

func newSimulateCommand() *cobra.Command {
	var s simulation
	cmd := &cobra.Command{
		Use:   "simulate [FILE|DIR|-]",
		Short: "Show what a rollout.yaml does with a release, on a virtual clock",
		Long:  simulateManual,
		Example: `  kexal simulate apps/web --replicas 5
  kexal simulate --replicas 3 --fail-at promotion+12s     # would the watch catch it?
  kexal simulate --abort-at step=2 -o markdown            # for the merge request
  git show main:apps/web/rollout.yaml | kexal simulate -  # as it was`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := "."
			if len(args) > 0 {
				file = args[0]
			}
			return s.show(cmd, file)
		},
	}
	f := cmd.Flags()
	f.Int32Var(&s.replicas, "replicas", 5, "pods that the Deployment asks for")
	f.StringSliceVar(&s.services, "services", nil, "Services that select its pods (default: spec.services, or else one)")
	f.IntVar(&s.quota, "quota", 0, "pods that the namespace may have (default: no quota)")
	f.DurationVar(&s.podStart, "pod-start", 5*time.Second, "from a pod's beginning to its readiness")
	f.DurationVar(&s.promoteAfter, "promote-after", time.Minute, "how long a person takes at a gate")
	f.BoolVar(&s.noPromote, "no-promote", false, "nobody promotes: stay at the first gate for a person")
	f.Func("fail-at", "let the new pods crash then: `WHEN`, see above", whenFlag(&s.failAt))
	f.Func("abort-at", "let a person abort then: `WHEN`, see above", whenFlag(&s.abortAt))
	f.StringVar(&s.failAnalysis, "fail-analysis", "", "let an analysis fail: `WHERE`, see above")
	f.StringVar(&s.at, "at", "2026-01-01T00:00:00Z", "`TIME` of the push")
	f.BoolVar(&s.first, "first", false, "nothing serves yet: the first release")
	f.StringVarP(&s.output, "output", "o", "", "json or markdown")
	cmd.MarkFlagsMutuallyExclusive("no-promote", "promote-after")
	return cmd
}

func whenFlag(into **course.When) func(string) error {
	return func(text string) error {
		w, err := course.ParseWhen(text)
		*into = &w
		return err
	}
}

// A simulation is what the flags of simulate ask for.
type simulation struct {
	replicas        int32
	services        []string
	quota           int
	podStart        time.Duration
	promoteAfter    time.Duration
	noPromote       bool
	failAt, abortAt *course.When
	failAnalysis    string
	at              string
	first           bool
	output          string
}

func (s *simulation) show(cmd *cobra.Command, file string) error {
	if err := s.check(); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, s.at)
	if err != nil {
		return fmt.Errorf("--at %s: write a time such as 2026-11-23T16:55:00+01:00", s.at)
	}
	path, text, err := readRollout(file, cmd.InOrStdin())
	if err != nil {
		return err
	}
	rollout, err := strategies.Decode(path, text)
	if err != nil {
		return mistaken(cmd.ErrOrStderr(), path, err)
	}
	steps := course.Steps(rollout.Spec)
	for flag, w := range map[string]*course.When{"--fail-at": s.failAt, "--abort-at": s.abortAt} {
		if w != nil && w.Step > steps {
			return fmt.Errorf("%s %s: %s has %s", flag, w, path, counted(steps, "step"))
		}
	}
	if err := s.checkAnalysis(rollout.Spec); err != nil {
		return err
	}
	c, err := s.play(nameOf(rollout, path), string(text), rollout.Spec, at)
	if err != nil {
		return fmt.Errorf("%s cannot be simulated: %w", path, err)
	}
	for i, w := range rollout.Warnings {
		c.Warnings = slices.Insert(c.Warnings, i, fmt.Sprintf("%s:%d:%d: %s", path, w.Line, w.Col, w.Message))
	}
	out := cmd.OutOrStdout()
	switch s.output {
	case "json":
		return c.WriteJSON(out)
	case "markdown":
		return c.WriteMarkdown(out)
	}
	return c.WriteText(out, lookOf(out, os.Getenv))
}

func (s *simulation) check() error {
	switch {
	case s.output != "" && s.output != "json" && s.output != "markdown":
		return fmt.Errorf("-o %s: write json or markdown", s.output)
	case s.replicas < 0 || s.replicas > mostPods:
		return fmt.Errorf("--replicas %d: write a number of pods from 0 to %d", s.replicas, mostPods)
	case s.quota < 0:
		return fmt.Errorf("--quota %d: write a number of pods", s.quota)
	case s.podStart < 0:
		return fmt.Errorf("--pod-start %s is before the pod begins", s.podStart)
	case s.promoteAfter < 0:
		return fmt.Errorf("--promote-after %s is before the gate", s.promoteAfter)
	}
	return nil
}

// play is the course of a release in a namespace that is made up.
func (s *simulation) play(name, file string, spec strategies.Spec, at time.Time) (course.Course, error) {
	services := s.services
	if services == nil {
		services = spec.Services
	}
	if services == nil {
		services = []string{name}
	}
	if len(services) == 0 && len(spec.Canary.Routers) > 0 {
		return course.Course{}, errors.New("a router leads to Services, and --services names none")
	}
	setting := course.Setting{File: file, At: at.UTC(), Start: s.podStart, Quota: s.quota}
	setting.Old, setting.New = course.Releases(name, s.replicas, services)
	if s.first {
		setting.Old = strategies.Wanted{}
	}
	play, err := course.Begin(setting)
	if err != nil {
		return course.Course{}, err
	}
	if s.failAnalysis != "" {
		play.Verdicts = map[string]simulated.Verdict{s.where(): {Phase: strategies.Failing, After: time.Minute, Why: "as --fail-analysis says"}}
	}
	return course.Follow(play, course.Options{
		Name: name, File: file, Nobody: s.noPromote, PromoteAfter: s.promoteAfter, Fail: s.failAt, Abort: s.abortAt,
	})
}

// where is the analysis that fails, as plays call it.
func (s *simulation) where() string { return strings.Replace(s.failAnalysis, "step=", "step-", 1) }

// checkAnalysis refuses to let fail what is not there.
func (s *simulation) checkAnalysis(spec strategies.Spec) error {
	var known []string
	for i, step := range spec.Canary.Steps {
		if step.Analysis != nil || step.Experiment != nil {
			known = append(known, fmt.Sprintf("step=%d", i+1))
		}
	}
	if spec.Canary.Analysis != nil {
		known = append(known, "background")
	}
	if b := spec.BlueGreen; b != nil && b.PrePromotion != nil {
		known = append(known, "pre-promotion")
	}
	if b := spec.BlueGreen; b != nil && b.PostPromotion != nil {
		known = append(known, "post-promotion")
	}
	switch {
	case s.failAnalysis == "" || slices.Contains(known, s.failAnalysis):
		return nil
	case known == nil:
		return fmt.Errorf("--fail-analysis %s: there is no analysis", s.failAnalysis)
	}
	return fmt.Errorf("--fail-analysis %s: write %s", s.failAnalysis, strings.Join(known, " or "))
}

// readRollout is the text of a rollout.yaml, and what to call it in messages.
func readRollout(file string, stdin io.Reader) (path string, text []byte, err error) {
	if file == "-" {
		text, err = io.ReadAll(stdin)
		return "stdin", text, err
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		file = filepath.Join(file, "rollout.yaml")
	}
	text, err = os.ReadFile(file)
	return file, text, err
}

// nameOf is the rollout's name, that of its directory by default (SPEC 1.2).
func nameOf(r strategies.Rollout, path string) string {
	if r.Name != "" {
		return r.Name
	}
	if full, err := filepath.Abs(path); err == nil && path != "stdin" {
		if name := filepath.Base(filepath.Dir(full)); name != string(filepath.Separator) {
			return name
		}
	}
	return "rollout"
}

// mistaken prints every mistake where editors look for it, and says how many there are.
func mistaken(stderr io.Writer, path string, err error) error {
	var mistakes strategies.Mistakes
	if !errors.As(err, &mistakes) {
		return err
	}
	fmt.Fprintln(stderr, mistakes)
	return fmt.Errorf("%s has %s", path, counted(len(mistakes), "mistake"))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// lookOf is how a course is shown there: in a pipe 80 columns wide and in whole lines.
func lookOf(out io.Writer, getenv func(string) string) course.Look {
	look := course.Look{Width: 80, ASCII: true}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the first that is set counts
		if value := strings.ToLower(getenv(name)); value != "" {
			look.ASCII = !strings.Contains(value, "utf-8") && !strings.Contains(value, "utf8")
			break
		}
	}
	if file, is := out.(*os.File); is && term.IsTerminal(int(file.Fd())) {
		look.Fold = true
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			look.Width = width
		}
	}
	return look
}
