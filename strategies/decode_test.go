package strategies_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// decoded says what became of a rollout.yaml: every mistake, or what was read.
func decoded(input string) string {
	r, err := strategies.Decode("rollout.yaml", []byte(input))
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	if r.Name != "" || r.Namespace != "" {
		fmt.Fprintf(&b, "name %q namespace %q\n", r.Name, r.Namespace)
	}
	s := r.Spec
	if s.Workloads != nil || s.Services != nil {
		fmt.Fprintf(&b, "workloads %v services %v\n", s.Workloads, s.Services)
	}
	for i, step := range s.Canary.Steps {
		fmt.Fprintf(&b, "step %d: %s\n", i+1, step)
	}
	amount := func(a strategies.Amount) string {
		if a.Percent {
			return fmt.Sprintf("%d%%", a.Value)
		}
		return fmt.Sprint(a.Value)
	}
	if s.Rolling {
		b.WriteString("rolling update\n")
	}
	if bg := s.BlueGreen; bg != nil {
		fmt.Fprintf(&b, "gate: %s; preview of %d, Services %v", s.Steps()[0], bg.PreviewReplicas, s.Previews)
		if bg.PreviewService != "" {
			fmt.Fprintf(&b, " (%s)", bg.PreviewService)
		}
		fmt.Fprintf(&b, "; unavailable %s, warm %s, aborted %s, overlap %s, ", amount(bg.MaxUnavailable), bg.ScaleDownDelay, bg.AbortDelay, s.SwitchOverlap)
	} else {
		fmt.Fprintf(&b, "surge %s, unavailable %s, warm %s, ", amount(s.Canary.MaxSurge), amount(s.Canary.MaxUnavailable), s.Canary.ScaleDownDelay)
	}
	fmt.Fprintf(&b, "watched %s, deadline %s", s.WarmWatch, s.ProgressDeadline)
	if !s.DeadlineAborts {
		b.WriteString(", which only tells")
	}
	b.WriteString("\n")
	if c := s.Canary; c.Threshold != (strategies.Amount{}) {
		fmt.Fprintf(&b, "a step is done with %s\n", amount(c.Threshold))
	}
	if c := s.Canary; c.Routed() {
		fmt.Fprintf(&b, "routers %v, Services %v, aborted %s, stable shrinks %v, at least %d\n", c.Routers, s.Previews, c.AbortDelay, c.DynamicStableScale, c.MinPods)
	}
	judged := func(when string, a *strategies.Analysis) {
		if a != nil {
			fmt.Fprintf(&b, "%s: %s from step %d, %s\n", when, a, a.StartingStep, a.Settings)
		}
	}
	judged("beside the steps", s.Canary.Analysis)
	for i, step := range s.Canary.Steps {
		if judged(fmt.Sprintf("at step %d", i+1), step.Analysis); step.Experiment != nil {
			fmt.Fprintf(&b, "at step %d: %s\n", i+1, step.Experiment.Settings)
		}
	}
	if bg := s.BlueGreen; bg != nil {
		judged("before the promotion", bg.PrePromotion)
		judged("after the promotion", bg.PostPromotion)
	}
	if s.FirstGated {
		b.WriteString("the first release is gated\n")
	}
	if s.RollbackWindow > 0 {
		fmt.Fprintf(&b, "back to the last %d without steps\n", s.RollbackWindow)
	}
	for _, w := range s.Windows {
		fmt.Fprintf(&b, "window %q for %s, zone %q, freeze %v\n", w.Schedule, w.Duration, w.TimeZone, w.Freeze)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "%d:%d: warning: %s\n", w.Line, w.Col, w.Message)
	}
	if err := r.Refuse(strategies.Routers, strategies.Measurements); err != nil {
		fmt.Fprintf(&b, "without its means: %v\n", err)
	}
	if in := s.Intents; in.Paused || in.Abort != "" || in.Promote != nil || in.Retry != nil {
		text, _ := json.Marshal(in)
		fmt.Fprintf(&b, "intents %s\n", text)
	}
	return b.String()
}

// A file of up to 1 MiB is read, and a larger one is not, whatever it says (SPEC 3.1).
func TestDecodeSize(t *testing.T) {
	const file = "apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nspec: {strategy: {canary: {}}}\n#"
	most := file + strings.Repeat("-", 1<<20-len(file))
	if _, err := strategies.Decode("rollout.yaml", []byte(most)); err != nil {
		t.Errorf("%d bytes: %v", len(most), err)
	}
	const want = "rollout.yaml:1:1: the file has 1048577 bytes, at most 1048576 are read: make it smaller"
	if _, err := strategies.Decode("rollout.yaml", []byte(most+"-")); err == nil || err.Error() != want {
		t.Errorf("a byte more: %v", err)
	}
}
