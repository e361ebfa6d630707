package ledger

import (
	"reflect"
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
)

// What belongs to no rollout lies beside the rollouts, and its commit reads like theirs
// (SPEC 7.3, 8.2).
func TestAgent(t *testing.T) {
	since := time.Date(2026, 11, 21, 10, 31, 7, 123456000, time.UTC)
	s := strategies.AgentStatus{}.Next("shop", strategies.AgentFacts{Followed: strategies.Fact{Known: true, Since: since, Reason: strategies.Unfollowed,
		Problems: []strategies.Problem{{Path: "apps/My_App/rollout.yaml", Message: `"My_App" cannot name a rollout`, Fix: "set\nmetadata.name"}}}})
	if got := AgentPath("shop"); got != "shop/agent.yaml" {
		t.Error(got)
	}
	text, err := EncodeAgent(s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `apiVersion: "kexal.dev/v1alpha1"
kind: "AgentStatus"
metadata:
  name: "kexal.agent"
  namespace: "shop"
phase: "Degraded"
message: "apps/My_App/rollout.yaml: \"My_App\" cannot name a rollout: set\nmetadata.name"
since: "2026-11-21T10:31:07.123456Z"
problems:
  - path: "apps/My_App/rollout.yaml"
    message: "\"My_App\" cannot name a rollout"
    fix: "set\nmetadata.name"
conditions:
  - type: "Followed"
    status: "False"
    reason: "Unfollowed"
    message: "apps/My_App/rollout.yaml: \"My_App\" cannot name a rollout: set\nmetadata.name"
    lastTransitionTime: "2026-11-21T10:31:07.123456Z"
`
	if string(text) != want {
		t.Errorf("got\n%s", text)
	}
	if back, err := DecodeAgent(text); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("read again: %v, %+v", err, back)
	}
	if _, err := DecodeAgent([]byte("phase: [")); err == nil {
		t.Error("half a document was read")
	}
	if got, want := AgentMessage(s), `agent: apps/My_App/rollout.yaml: "My_App" cannot name a rollout: set metadata.name

Kexal-Phase: Degraded
Kexal-Actor: agent
`; got != want {
		t.Errorf("got\n%s", got)
	}
}
