package explain

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/kexal/kexal/fixtures/standings"
	"github.com/kexal/kexal/strategies"
)

// facts are what `kexal explain` knows of a play, half a second after it came there.
func facts(s *standings.Standing) Facts {
	state := s.Play.State()
	return Facts{Status: s.Status(), State: &state, From: "cluster", Now: s.Play.World.Now.Add(500 * time.Millisecond)}
}

func play(t *testing.T, name string) *standings.Standing {
	t.Helper()
	s, err := standings.Play(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is said at every place where a rollout can stand is written down in testdata. None
// of the states there is made by a hand. `go test ./cmd/kexal/explain -rewrite` writes down
// what it says now.
//
//	explain PLACE [ledger]     ledger: the status is at hand, the state is not
func TestExplanations(t *testing.T) {
	told := map[string]bool{}
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "explain" || len(d.CmdArgs) == 0 {
				d.Fatalf(t, "explain PLACE [ledger]")
			}
			place := d.CmdArgs[0].Key
			told[place] = true
			f := facts(play(t, place))
			if d.HasArg("ledger") {
				f.State = nil
			}
			var out bytes.Buffer
			if err := Of(f).Write(&out, Look{}); err != nil {
				t.Fatal(err)
			}
			return out.String()
		})
	})
	all, err := standings.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if !told[s.Name] {
			t.Errorf("testdata does not tell what is said at %s", s.Name)
		}
	}
}

// declared are the values of a type's constants in a file of package strategies: the closed
// list, as it stands there.
func declared(t *testing.T, kind string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../../strategies/status.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && of.Name == kind {
			for _, value := range spec.Values {
				all = append(all, strings.Trim(value.(*ast.BasicLit).Value, `"`))
			}
		}
		return true
	})
	return all
}

// Every reason and every state of an intent has its words, whoever adds one to the list.
func TestNothingIsUnexplained(t *testing.T) {
	closed := declared(t, "Reason")
	if len(closed) < 19 {
		t.Fatalf("only %d reasons: %v", len(closed), closed)
	}
	said := map[string]string{}
	for _, reason := range closed {
		words, known := reasons[strategies.Reason(reason)]
		if !known {
			t.Errorf("%s is not explained", reason)
			continue
		}
		text := words(Facts{Status: strategies.Status{Reason: strategies.Reason(reason)}})
		if other := said[text]; other != "" || len(text) < 40 {
			t.Errorf("%s says nothing of its own (%s): %s", reason, other, text)
		}
		said[text] = reason
	}
	if len(reasons) != len(closed) {
		t.Errorf("%d reasons are explained, and there are %d", len(reasons), len(closed))
	}
	intents := declared(t, "IntentState")
	if len(intents) != 4 || len(states) != len(intents) {
		t.Errorf("%v, and %d are explained", intents, len(states))
	}
	for _, state := range intents {
		if states[strategies.IntentState(state)] == "" {
			t.Errorf("an intent that is %s is not explained", state)
		}
	}
	unknown := Of(Facts{Status: strategies.Status{Reason: "OfTomorrow"}})
	if !strings.Contains(unknown.Why[0].Text, "OfTomorrow") {
		t.Errorf("%+v", unknown.Why)
	}
}

// All that stands in the status is in the explanation: problems with their place, and
// every intent with what became of it and why.
func TestWhyTellsAllOfTheStatus(t *testing.T) {
	all, err := standings.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		f := facts(s)
		var texts []string
		for _, because := range Of(f).Why {
			texts = append(texts, because.Text)
		}
		text := strings.Join(texts, "\n")
		for _, p := range f.Status.Problems {
			if p.Line == 0 || !strings.Contains(text, p.String()) {
				t.Errorf("%s does not tell %s", s.Name, p)
			}
		}
		for _, i := range f.Status.Intents {
			if !strings.Contains(text, "is "+string(i.State)) || !strings.Contains(text, i.Why) || !strings.Contains(text, i.Revision) {
				t.Errorf("%s does not tell %+v", s.Name, i)
			}
		}
		for _, r := range f.Status.Rejected {
			if !strings.Contains(text, r.Revision+" is rejected since "+clock(r.At, f.Now)) {
				t.Errorf("%s does not tell %+v", s.Name, r)
			}
		}
	}
}

// A moment that is over and brought nothing is said: the news is old, or nobody is there.
func TestOverdue(t *testing.T) {
	f := facts(play(t, "timed"))
	f.Now = f.Status.NextAt.Add(time.Hour)
	why := Of(f).Why
	if last := why[len(why)-1]; last.About != "overdue" || !strings.Contains(last.Text, "10:05:02Z") {
		t.Errorf("%+v", why)
	}
}

// Programs read keys that stay, and lists that are never null.
func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := Of(facts(play(t, "healthy"))).WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"apiVersion", "kind", "metadata", "from", "at", "stands", "why", "moves", "next"} {
		if doc[key] == nil {
			t.Errorf("there is no %s in %s", key, &out)
		}
	}
	if strings.Contains(out.String(), `": null`) != strings.Contains(out.String(), `"nextAt": null`) {
		t.Errorf("%s", &out)
	}
}

// Colours are for terminals; the words are the same.
func TestColors(t *testing.T) {
	e := Of(facts(play(t, "gate")))
	var plain, painted bytes.Buffer
	if err := e.Write(&plain, Look{}); err != nil {
		t.Fatal(err)
	}
	if err := e.Write(&painted, Look{Color: true}); err != nil {
		t.Fatal(err)
	}
	bare := strings.NewReplacer("\x1b[1m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(painted.String())
	if bare != plain.String() || painted.String() == plain.String() || strings.Contains(plain.String(), "\x1b") {
		t.Errorf("%q", painted.String())
	}
}

// However old the state is, what comes next can be told: an agent that was away goes on from
// there. With no state at hand it is said who knows more.
func TestWhateverTheAge(t *testing.T) {
	all, err := standings.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		for _, age := range []time.Duration{0, time.Minute, time.Hour, 40 * 24 * time.Hour} {
			f := facts(s)
			f.Now = f.Now.Add(age)
			for _, c := range Of(f).Next {
				last := f.Now
				for _, m := range c.Moments {
					if m.At.Before(last) {
						t.Errorf("%s, %s old: %s comes before %s", s.Name, age, m.At, last)
					}
					last = m.At
				}
				if !strings.HasPrefix(c.Then, "it waits") {
					t.Errorf("%s, %s old: %+v", s.Name, age, c)
				}
			}
			f.State = nil
			if next := Of(f).Next; len(next) != 1 || len(next[0].Moments) > 0 || !strings.HasSuffix(next[0].Then, "; the cluster would tell more than the ledger") {
				t.Errorf("%s: %+v", s.Name, next)
			}
		}
	}
}

// What cannot be played is told as far as the status goes, with the reason.
func TestUnplayed(t *testing.T) {
	f := facts(play(t, "timed"))
	f.State.Schema++
	next := Of(f).Next
	if want := "at 10:05:02Z the pause ends and the next step begins; more cannot be told: the state was written by a newer version of kexal"; len(next) != 1 || next[0].Then != want {
		t.Errorf("%+v", next)
	}
}
