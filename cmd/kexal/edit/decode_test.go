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
		text, err := SetPromote(src, revision, 4, false)
		if err != nil {
			t.Fatal(err)
		}
		if text, err = SetAbort(text, revision); err != nil {
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
	}
}
