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
	if in := s.Intents; in.Paused || in.Abort != "" || in.Promote != nil {
		text, _ := json.Marshal(in)
		fmt.Fprintf(&b, "intents %s\n", text)
	}
	return b.String()
}
