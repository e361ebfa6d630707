package ledger

import (
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// A status commit reads like a sentence, with trailers for machines (SPEC 8.2).
func TestMessage(t *testing.T) {
	stable := &strategies.TrackStatus{Revision: "aaaaaaaaaa"}
	candidate := &strategies.TrackStatus{Revision: "bbbbbbbbbb"}
	at := func(index int) *strategies.Position { return &strategies.Position{Index: index, Of: 5} }
	for _, c := range []struct {
		name string
		s    strategies.Status
		want string
	}{
		{"waiting for a person", strategies.Status{Phase: strategies.Paused, Stable: stable, Candidate: candidate, Step: at(3),
			Message: "step 3 of 5, 50% to bbbbbbbbbb, paused: waiting for promote"},
			`web: canary step 3/5, 50% to bbbbbbbbbb, paused: waiting for promote

Kexal-Rollout: web
Kexal-Revision: bbbbbbbbbb
Kexal-Source-Commit: c0ffee
Kexal-Step: 3/5
Kexal-Phase: Paused
Kexal-Actor: agent
`},
		{"moving", strategies.Status{Phase: strategies.Progressing, Stable: stable, Candidate: candidate, Step: at(1),
			Message: "step 1 of 5, 0% to bbbbbbbbbb, moving to 20%: container web exits with code 1"},
			`web: canary step 1/5, 0% to bbbbbbbbbb, moving to 20%: container web exits with code 1

Kexal-Rollout: web
Kexal-Revision: bbbbbbbbbb
Kexal-Source-Commit: c0ffee
Kexal-Step: 1/5
Kexal-Phase: Progressing
Kexal-Actor: agent
`},
		{"a first release", strategies.Status{Phase: strategies.Progressing, Candidate: candidate, Message: "first release of bbbbbbbbbb: 1 of 4 pods ready"},
			`web: first release of bbbbbbbbbb: 1 of 4 pods ready

Kexal-Rollout: web
Kexal-Revision: bbbbbbbbbb
Kexal-Source-Commit: c0ffee
Kexal-Phase: Progressing
Kexal-Actor: agent
`},
		{"at rest", strategies.Status{Phase: strategies.Healthy, Stable: stable, Message: "aaaaaaaaaa is stable"},
			`web: aaaaaaaaaa is stable

Kexal-Rollout: web
Kexal-Revision: aaaaaaaaaa
Kexal-Source-Commit: c0ffee
Kexal-Phase: Healthy
Kexal-Actor: agent
`},
		{"refused by a server that writes paragraphs", strategies.Status{Phase: strategies.Degraded, Stable: stable,
			Message: "apply Service web is refused:\n\n  Kexal-Phase: Healthy\n\tsays the\r\nplugin "},
			`web: apply Service web is refused: Kexal-Phase: Healthy says the plugin

Kexal-Rollout: web
Kexal-Revision: aaaaaaaaaa
Kexal-Source-Commit: c0ffee
Kexal-Phase: Degraded
Kexal-Actor: agent
`},
	} {
		c.s.Metadata.Name, c.s.Strategy, c.s.Source.Commit = "web", "canary", "c0ffee"
		if got := Message(c.s); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// Before anything was read there is neither a commit nor a revision, and no trailer is
// empty.
func TestMessageBeforeAnything(t *testing.T) {
	got := Message(strategies.Status{Metadata: strategies.StatusMetadata{Name: "web"}, Phase: strategies.Degraded, Message: "held"})
	if got != "web: held\n\nKexal-Rollout: web\nKexal-Phase: Degraded\nKexal-Actor: agent\n" {
		t.Errorf("%s", got)
	}
	for line := range strings.Lines(got) {
		if strings.HasSuffix(line, ": \n") {
			t.Errorf("an empty trailer: %q", line)
		}
	}
}
