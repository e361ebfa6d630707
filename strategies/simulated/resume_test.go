package simulated_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/fixtures/standings"
	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// A sentence that was told, with the moments in it.
type sentence struct {
	text    string
	moments []time.Time
}

var moment = regexp.MustCompile(`\d\d:\d\d:\d\dZ`)

func sentenceOf(s strategies.State) sentence {
	said := sentence{text: string(s.Phase) + " " + string(s.Reason) + ": " + moment.ReplaceAllString(s.Message, "MOMENT")}
	for _, m := range moment.FindAllString(s.Message, -1) {
		at, _ := time.Parse("15:04:05Z", m) // it matches
		said.moments = append(said.moments, at)
	}
	return said
}

// sentences are those that a play tells from now on.
func sentences(t *testing.T, p *simulated.Play, run func() error) (told []simulated.Event, said []sentence) {
	t.Helper()
	p.Tell = func(e simulated.Event) {
		if e.Kind == simulated.Recorded {
			told = append(told, e)
			if !e.Again {
				said = append(said, sentenceOf(e.State))
			}
		}
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	return told, said
}

// alike tells that two plays say the same, at nearly the same moments: a state does not
// hold how far pods and Services were.
func alike(a, b []sentence, within time.Duration) bool {
	return slices.EqualFunc(a, b, func(a, b sentence) bool {
		return a.text == b.text && slices.EqualFunc(a.moments, b.moments, func(a, b time.Time) bool { return a.Sub(b).Abs() <= within })
	})
}

// resumed plays on from a state, with pods that behave as in another play.
func resumed(t *testing.T, like *simulated.Play, state strategies.State, at time.Time) *simulated.Play {
	t.Helper()
	p, err := simulated.At("web", "shop", state, at)
	if err != nil {
		t.Fatal(err)
	}
	p.World.Manners, p.World.Quota, p.Decide = maps.Clone(like.World.Manners), like.World.Quota, like.Decide
	return p
}

// Whatever a rollout was doing, who resumes it from its state alone hears the same
// sentences to its end.
func TestResumeAtEveryDecision(t *testing.T) {
	crash := simulated.Manners{Unready: true, Trouble: "container app: CrashLoopBackOff", Lingers: 2 * time.Second}
	push := func(revision string) func(*simulated.Play) {
		return func(p *simulated.Play) { p.Git.Push(standings.Release(revision)) }
	}
	write := func(file string) func(*simulated.Play) {
		return func(p *simulated.Play) {
			if err := p.Git.Write(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	bad := func(p *simulated.Play) { p.World.Manners[strategies.Green] = crash }
	for name, story := range map[string][]func(*simulated.Play){
		"a canary":     {push(standings.Second), write(standings.Canary + "  promote: " + standings.Second + "\n")},
		"an abort":     {push(standings.Second), write(standings.Canary + "  abort: " + standings.Second + "\n"), write(standings.Canary), push(standings.Third)},
		"a deadline":   {bad, push(standings.Second), push(standings.First)},
		"a newer one":  {push(standings.Second), push(standings.Third)},
		"a revert":     {push(standings.Second), push(standings.First)},
		"full":         {write(standings.Canary + "  promote: {revision: " + standings.Second + ", full: true}\n"), push(standings.Second)},
		"paused":       {write(standings.Canary + "  paused: true\n"), push(standings.Second), write(standings.Canary)},
		"blue/green":   {write(standings.BlueGreen), push(standings.Second), write(standings.BlueGreen + "  promote: " + standings.Second + "\n")},
		"at its gate":  {write(standings.BlueGreen), push(standings.Second), push(standings.First)},
		"taken back":   {write(standings.BlueGreen), push(standings.Second), write(standings.BlueGreen + "  abort: " + standings.Second + "\n"), write(standings.BlueGreen)},
		"a router":     {write(standings.Routed), push(standings.Second), write(standings.Routed + "  promote: " + standings.Second + "\n")},
		"routed back":  {write(standings.Routed), push(standings.Second), write(standings.Routed + "  abort: " + standings.Second + "\n")},
		"at its start": {bad, write(standings.BlueGreen), push(standings.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			p := simulated.New(standings.Start)
			write(standings.Canary)(p)
			push(standings.First)(p)
			if err := p.Run(); err != nil {
				t.Fatal(err)
			}
			for i, befalls := range story {
				befalls(p)
				told, said := sentences(t, p, p.Run)
				further := said
				for _, e := range told {
					if !e.Again {
						further = further[1:]
					}
					again := resumed(t, p, e.State, e.At)
					if _, got := sentences(t, again, again.Run); !alike(got, further, 8*time.Second) {
						t.Errorf("%d: from %s %s: %s\ngot  %v\nwant %v", i, e.At.Format("15:04:05.0"), e.State.Reason, e.State.Message, got, further)
					}
				}
			}
		})
	}
}

// So it is at every place where a rollout can stand, where pods are on their way and where
// they are not, and the wanted revision is found though the state has no field for it.
func TestResumeWhereRolloutsStand(t *testing.T) {
	all, err := standings.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		p := s.Play.Clone()
		p.Decide = s.Play.Decide
		// Some look again for ever. Pods that were on their way start anew, which took half a
		// minute by then.
		const long, lost = 20 * time.Minute, 35 * time.Second
		_, want := sentences(t, p, func() error { return p.RunFor(long) })
		again := resumed(t, s.Play, s.Play.State(), s.Play.World.Now)
		if _, got := sentences(t, again, func() error { return again.RunFor(long) }); !alike(got, want, lost) {
			t.Errorf("%s: %s\ngot  %v\nwant %v", s.Name, s.Play.State().Message, got, want)
		}
	}
}

// The way back is the same too, from wherever users are: the pods that keep it are there.
func TestResumeAndAbort(t *testing.T) {
	for _, place := range []string{"moving", "timed", "gate", "promoting", "preview", "watching", "routed", "window"} {
		s, err := standings.Play(place)
		if err != nil {
			t.Fatal(err)
		}
		again := resumed(t, s.Play, s.Play.State(), s.Play.World.Now)
		s.Intend("abort: " + standings.Second)
		if err := again.Git.Write(s.File); err != nil {
			t.Fatal(err)
		}
		_, want := sentences(t, s.Play, s.Play.Run)
		if _, got := sentences(t, again, again.Run); !alike(got, want, 8*time.Second) || len(want) == 0 {
			t.Errorf("%s\ngot  %v\nwant %v", place, got, want)
		}
		took, before := again.World.Now.Sub(again.State().Rejected[0].At), s.Play.World.Now.Sub(s.Play.State().Rejected[0].At)
		if (took - before).Abs() > 8*time.Second {
			t.Errorf("%s: it came to rest after %s, and not after %s", place, took, before)
		}
	}
}

// Previews are called as the state says: one may be a Service of Git's own (SPEC 3.3).
func TestResumeKeepsPreviews(t *testing.T) {
	s, err := standings.Play("preview")
	if err != nil {
		t.Fatal(err)
	}
	var state strategies.State
	if err := json.Unmarshal([]byte(strings.ReplaceAll(s.Play.Record, "web-preview", "web-next")), &state); err != nil {
		t.Fatal(err)
	}
	p := resumed(t, s.Play, state, s.Play.World.Now)
	if _, said := sentences(t, p, p.Run); len(said) > 0 || !strings.Contains(p.State().Message, "at web-next,") {
		t.Errorf("%v, %s", said, p.State().Message)
	}
	if err := p.Git.Write(standings.BlueGreen + "  promote: " + standings.Second + "\n"); err != nil {
		t.Fatal(err)
	}
	if _, said := sentences(t, p, p.Run); len(said) == 0 || !strings.Contains(said[0].text, "at web-next, promoting") {
		t.Errorf("%v", said)
	}
}

// A newer state is never guessed at.
func TestResumeRefuses(t *testing.T) {
	s, err := standings.Play("gate")
	if err != nil {
		t.Fatal(err)
	}
	newer, bare := s.Play.State(), s.Play.State()
	newer.Schema++
	bare.Spec = nil
	for want, state := range map[string]strategies.State{"newer": newer, "no spec": bare} {
		if _, err := simulated.At("web", "shop", state, standings.Start); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
