package strategies

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

var (
	noBranch = &Trouble{Reason: NoBranch, Problem: Problem{Message: "mirror m: there is no branch main", Fix: "push it, or follow another branch"}}
	refused  = &Trouble{Reason: PushRefused, Problem: Problem{Message: "ledger m: push refused"}}
	badName  = Problem{Path: "a/rollout.yaml", Message: "no name", Fix: "write one"}
)

func at(second int) time.Time { return time.Date(2026, 11, 21, 10, 0, second, 0, time.UTC) }

func well(second int) Fact { return Fact{Known: true, Since: at(second)} }

func (t *Trouble) at(second int) Fact {
	return Fact{Known: true, Reason: t.Reason, Problems: []Problem{t.Problem}, Since: at(second)}
}

// told is a status in short: its message, its problems, its conditions with the second
// since which they are so.
func told(s AgentStatus) string {
	var b strings.Builder
	b.WriteString(string(s.Phase) + " since " + s.Since.Format("5") + ": " + s.Message)
	for _, c := range s.Conditions {
		b.WriteString("; " + c.Type + " " + c.Status + " " + string(c.Reason) + " " + c.LastTransitionTime.Format("5"))
	}
	return b.String()
}

// What belongs to no rollout is told as transitions (SPEC 7.3, 7.4).
func TestAgentStatus(t *testing.T) {
	var s AgentStatus
	for _, c := range []struct {
		what  string
		facts AgentFacts
		want  string
	}{
		{"the first poll fails", AgentFacts{Source: noBranch.at(1)},
			"Degraded since 1: mirror m: there is no branch main: push it, or follow another branch; SourceReady False NoBranch 1"},
		{"it still does", AgentFacts{Source: noBranch.at(2)},
			"Degraded since 1: mirror m: there is no branch main: push it, or follow another branch; SourceReady False NoBranch 1"},
		{"a restart that has tried nothing yet", AgentFacts{},
			"Degraded since 1: mirror m: there is no branch main: push it, or follow another branch; SourceReady False NoBranch 1"},
		{"it works again", AgentFacts{Source: well(3), Followed: well(3), Ledger: well(2)},
			"Healthy since 3: the mirror can be read again; SourceReady True Recovered 3; Followed True Working 3; Published True Working 2"},
		{"a name that cannot be one", AgentFacts{Source: well(3), Followed: Fact{Known: true, Reason: Unfollowed, Problems: []Problem{badName, badName}, Since: at(4)}, Ledger: well(2)},
			"Degraded since 4: a/rollout.yaml: no name: write one (and 1 more problem); SourceReady True Recovered 3; Followed False Unfollowed 4; Published True Working 2"},
		{"a restart that has read no commit yet", AgentFacts{Source: well(9)},
			"Degraded since 4: a/rollout.yaml: no name: write one (and 1 more problem); SourceReady True Recovered 3; Followed False Unfollowed 4; Published True Working 2"},
		{"and the ledger too", AgentFacts{Source: well(3), Ledger: refused.at(5)},
			"Degraded since 5: a/rollout.yaml: no name: write one (and 2 more problems); SourceReady True Recovered 3; Followed False Unfollowed 4; Published False PushRefused 5"},
		{"the name is mended", AgentFacts{Source: well(3), Followed: well(6)},
			"Degraded since 6: ledger m: push refused; SourceReady True Recovered 3; Followed True Recovered 6; Published False PushRefused 5"},
		{"all is well", AgentFacts{Source: well(3), Followed: well(6), Ledger: well(7)},
			"Healthy since 7: the ledger can be written again; SourceReady True Recovered 3; Followed True Recovered 6; Published True Recovered 7"},
	} {
		next := s.Next("shop", c.facts)
		if got := told(next); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.what, got, c.want)
		}
		if again := next.Next("shop", c.facts); !reflect.DeepEqual(again, next) {
			t.Errorf("%s: the same facts say something else: %s", c.what, told(again))
		}
		text, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		s = AgentStatus{}
		if err := json.Unmarshal(text, &s); err != nil || !reflect.DeepEqual(s, next) {
			t.Errorf("%s: %v: it is not what was written: %s", c.what, err, text)
		}
	}
	if s.Kind != "AgentStatus" || s.APIVersion != APIVersion || s.Metadata != (StatusMetadata{Name: "kexal.agent", Namespace: "shop"}) || s.Problems == nil {
		t.Errorf("%+v", s)
	}
}

// A ledger that cannot be written is told in the cluster alone: what stands in the ledger
// was published. Of an agent that never had any other trouble it tells nothing.
func TestAgentStatusForTheLedger(t *testing.T) {
	s := AgentStatus{}.Next("shop", AgentFacts{Source: well(1), Followed: well(1), Ledger: refused.at(2)})
	if told, any := s.ForLedger(); any {
		t.Errorf("it tells %+v", told)
	}
	s = s.Next("shop", AgentFacts{Source: noBranch.at(3), Followed: well(1), Ledger: refused.at(2)})
	first, any := s.ForLedger()
	want := "Degraded since 3: mirror m: there is no branch main: push it, or follow another branch; SourceReady False NoBranch 3; Followed True Working 1"
	if got := told(first); !any || got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(s.Problems) != 2 || len(s.Conditions) != 3 || len(first.Problems) != 1 {
		t.Errorf("problems %v of %v, conditions %v", first.Problems, s.Problems, s.Conditions)
	}
	// The ledger works again, or fails once more: nothing new for it.
	for _, ledger := range []Fact{well(4), refused.at(5)} {
		s = s.Next("shop", AgentFacts{Source: noBranch.at(3), Followed: well(1), Ledger: ledger})
		if now, _ := s.ForLedger(); !reflect.DeepEqual(now, first) {
			t.Errorf("it tells %s", told(now))
		}
	}
	s = s.Next("shop", AgentFacts{Source: well(6), Followed: well(1), Ledger: refused.at(5)})
	if now, _ := s.ForLedger(); now.Phase != Healthy || now.Message != "the mirror can be read again" {
		t.Errorf("it tells %s", told(now))
	}
}
