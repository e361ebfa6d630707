package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/cmd/kexal/edit"
	"github.com/kexal/kexal/fixtures/standings"
	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// heard is what a rollout tells within a while: all that Git is told afterwards.
func heard(t *testing.T, p *simulated.Play) (all []string) {
	t.Helper()
	p.Tell = func(e simulated.Event) {
		if e.Kind == simulated.Recorded && !e.Again {
			all = append(all, fmt.Sprintf("%s %s %s: %s", e.At.Format(time.TimeOnly), e.State.Phase, e.State.Reason, e.State.Message))
		}
	}
	if err := p.RunFor(10 * time.Minute); err != nil {
		t.Fatal(err)
	}
	return all
}

// another is the same play once more.
func another(s *standings.Standing) *simulated.Play {
	p := s.Play.Clone()
	p.Decide = s.Play.Decide
	return p
}

// do does what a move says, as the person would: the commands edit rollout.yaml by the
// code that kexal runs, and the plain edit is the same.
func do(t *testing.T, s *standings.Standing, p *simulated.Play, m Move) {
	t.Helper()
	status := s.Status()
	file := s.File
	switch m.Kind {
	case Revert:
		commit := strings.TrimPrefix(m.Commands[0], "git revert --no-edit ")
		if from, found := strings.CutPrefix(m.Commands[0], "git restore --source="); found {
			commit, _, _ = strings.Cut(from, " ")
			if !strings.HasSuffix(m.Commands[0], " -- apps/web") {
				t.Fatalf("%s", m.Commands[0])
			}
		}
		switch commit {
		case standings.Held[:10]:
			file = standings.Canary
		case standings.Release(standings.First).Commit[:10]:
			p.Git.Push(standings.Release(standings.First))
		case standings.Release(standings.Second).Commit[:10]:
			p.Git.Push(standings.Release(standings.Second))
		default:
			t.Fatalf("%s names no commit", m.Commands)
		}
	case Push:
		p.Git.Push(standings.Release(standings.Third))
		p.World.Manners = simulated.New(p.World.Now).World.Manners // it is mended
	case Mend:
		file = standings.Canary
	case Quota:
		p.World.Quota = 0
	case Unpause, Retry:
		file = strings.Replace(file, "  "+m.Remove+"\n", "", 1)
		if m.Remove != "" && file == s.File {
			t.Fatalf("%s is not in\n%s", m.Remove, file)
		}
		if m.Write != "" {
			file += "  " + m.Write + "\n"
		}
	case Promote, Full, Abort:
		file = intend(t, s, status, m)
	default:
		t.Fatalf("nobody makes %s", m.Kind)
	}
	if err := p.Git.Write(file); err != nil && p.Git.Held == "" && m.Kind != Abort {
		t.Fatalf("%s: %v\n%s", m.Kind, err, file)
	}
}

// intend edits rollout.yaml as the command does, if there is one, and sees that it wrote
// the line that the explanation shows.
func intend(t *testing.T, s *standings.Standing, status strategies.Status, m Move) string {
	t.Helper()
	if len(m.Commands) == 0 {
		return s.File + "  " + m.Write + "\n"
	}
	words := strings.Fields(m.Commands[0])
	if len(words) < 3 || words[0] != "kexal" || words[2] != "web" {
		t.Fatalf("%s", m.Commands[0])
	}
	var asked edit.Promotion
	for i := 3; i < len(words); i++ {
		switch words[i] {
		case "--full":
			asked.Full = true
		case "--step":
			i++
			asked.Step, _ = strconv.Atoi(words[i])
		case "--revision":
			i++
			asked.Revision = words[i]
		default:
			t.Fatalf("%s", m.Commands[0])
		}
	}
	var text []byte
	if words[1] == "promote" {
		p, err := edit.Promote("web", &status, asked)
		if err != nil {
			t.Fatalf("%s: %v", m.Commands[0], err)
		}
		text, err = edit.SetPromote([]byte(s.File), p)
		if err != nil {
			t.Fatalf("%s: %v", m.Commands[0], err)
		}
	} else {
		revision, err := edit.Abort("web", &status, "")
		if err != nil {
			t.Fatalf("%s: %v", m.Commands[0], err)
		}
		if text, err = edit.SetAbort([]byte(s.File), revision); err != nil {
			t.Fatalf("%s: %v", m.Commands[0], err)
		}
	}
	if !strings.Contains(string(text), "\n  "+m.Write+"\n") {
		t.Errorf("%s does not write %q:\n%s", m.Commands[0], m.Write, text)
	}
	return string(text)
}

// Every move that is offered moves the rollout: played from where it stands it tells
// something else than it would by itself. With the ledger alone no other moves are offered.
func TestEveryMoveMoves(t *testing.T) {
	all, err := standings.All()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, s := range all {
		f := facts(s)
		byItself := heard(t, another(s))
		offered := Of(f).Moves
		for _, m := range offered {
			kinds[m.Kind] = true
			p := another(s)
			do(t, s, p, m)
			if got := heard(t, p); slices.Equal(got, byItself) {
				t.Errorf("%s: %s (%s) moves nothing: %v", s.Name, m.Kind, m.Does, got)
			}
		}
		f.State = nil
		for _, m := range Of(f).Moves {
			if !slices.ContainsFunc(offered, func(o Move) bool { return o.Kind == m.Kind && o.Write == m.Write }) {
				t.Errorf("%s: the ledger offers %s", s.Name, m.Does)
			}
		}
	}
	for _, kind := range []string{Promote, Full, Abort, Revert, Retry, Mend, Unpause, Quota, Push} {
		if !kinds[kind] {
			t.Errorf("%s is never offered", kind)
		}
	}
}

// What is not offered would do nothing now: neither an abort nor a promote in full, of the
// revision that Git asks for, makes the rollout tell anything else. But for users who go
// back already: then it is said in advance, of what comes after. And to abort what
// rejected itself, or what has nowhere to go back to, changes a word and nothing else.
func TestWhatIsNotOfferedMovesNothing(t *testing.T) {
	all, err := standings.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		wanted := s.Play.Git.Wanted.Revision
		byItself := heard(t, another(s))
		f := facts(s)
		offered := Of(f).Moves
		for kind, line := range map[string]string{
			Full: "promote: {revision: " + wanted + ", full: true}", Abort: "abort: " + wanted,
		} {
			if slices.ContainsFunc(offered, func(m Move) bool { return m.Kind == kind || kind == Full && m.Kind == Promote }) ||
				strings.Contains(s.File, "# intents") || f.Status.Reason == strategies.GoingBack || kind == Abort && (f.gone() || f.Status.Reason == strategies.Rejected) {
				continue
			}
			p := another(s)
			if err := p.Git.Write(s.File + "  " + line + "\n"); err != nil {
				continue // it is held for its mistake
			}
			if got := heard(t, p); !slices.Equal(got, byItself) {
				t.Errorf("%s: %s is not offered, and moves it:\n%v\nby itself\n%v", s.Name, line, got, byItself)
			}
		}
	}
}
