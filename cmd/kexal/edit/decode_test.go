package edit

import (
	"os"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// What the command line writes is what the agent reads, in the example that people copy.
func TestTheAgentReadsWhatIsWritten(t *testing.T) {
	src, err := os.ReadFile("../../../fixtures/repos/canary/apps/web/rollout.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, revision := range []string{"3f2a9c1b04", "4402918837", "12e4567890", "0b10110101"} {
		text, err := SetPromote(src, Promotion{Revision: revision, Step: 4})
		if err != nil {
			t.Fatal(err)
		}
		if text, err = SetAbort(text, revision); err != nil {
			t.Fatal(err)
		}
		retried, err := SetRetry(text, Retrial{Revision: revision, Attempt: 3}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := strategies.Decode("rollout.yaml", text)
		if err != nil {
			t.Fatal(err)
		}
		want := strategies.Promote{Revision: revision, Step: 4}
		if got := r.Spec.Intents; got.Promote == nil || *got.Promote != want || got.Abort != revision {
			t.Errorf("%s is read as %+v, %+v", revision, got, got.Promote)
		}
		if r, err = strategies.Decode("rollout.yaml", retried); err != nil {
			t.Fatal(err)
		}
		again := strategies.Retry{Revision: revision, Attempt: 3}
		if got := r.Spec.Intents; got.Retry == nil || *got.Retry != again || got.Abort != "" || got.Promote == nil {
			t.Errorf("%s, once more, is read as %+v, %+v", revision, got, got.Retry)
		}
	}
}
