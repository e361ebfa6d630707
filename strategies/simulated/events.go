package simulated

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Kind of event.
type Kind string

const (
	Recorded Kind = "recorded" // a decision was recorded
	Acted    Kind = "acted"    // an action wrote something
	Refused  Kind = "refused"  // the server said no to an action, or to part of it
	Judged   Kind = "judged"   // an analysis or an experiment began, or came to its end
	Moved    Kind = "moved"    // Services send users elsewhere
	Waits    Kind = "waits"    // the agent looks again at a moment, a second or more away
	Died     Kind = "died"     // another agent takes over
	Rebuilt  Kind = "rebuilt"  // the record was lost, and is made again
	Held     Kind = "held"     // it was lost, and facts disagree about what it was
)

// An Event is something that happened.
type Event struct {
	At    time.Time
	Kind  Kind
	Text  string // all of it in one line
	Again bool   // of Recorded, Refused and Held: the last of its kind said the same

	State  strategies.State  // Recorded, Rebuilt: as it is now
	Action strategies.Action // Acted, Refused
	Users  map[string]Users  // Moved: by Service
	Until  time.Time         // Waits
}

// Users are the shares of a Service's users that each colour answers, in percent; no
// colour answers where nobody is ready.
type Users map[strategies.Color]int

// usersOf are the shares that a Service's endpoints come to.
func usersOf(endpoints map[strategies.Color]int32) Users {
	blue, green := endpoints[strategies.Blue], endpoints[strategies.Green]
	switch {
	case blue > 0 && green > 0:
		part := int((200*green + blue + green) / (2 * (blue + green))) // to the nearest
		return Users{strategies.Blue: 100 - part, strategies.Green: part}
	case blue > 0:
		return Users{strategies.Blue: 100}
	case green > 0:
		return Users{strategies.Green: 100}
	}
	return Users{}
}

func (u Users) String() string {
	var parts []string
	for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
		if part, answers := u[c]; answers {
			parts = append(parts, fmt.Sprintf("%d%% %s", part, c))
		}
	}
	if parts == nil {
		return "nobody answers"
	}
	return strings.Join(parts, ", ")
}

// An Effect is one write of the agent, with the world before and after it.
type Effect struct {
	Action        strategies.Action
	Plan          strategies.Plan
	Observed      strategies.Observation
	Before, After *World           // to be read only
	Record        strategies.State // as stored when it was made
	Epoch         int64            // that this agent recorded; 0 = it has recorded nothing yet
}

func (p *Play) tell(e Event) {
	if e.At = p.World.Now; p.Tell != nil {
		p.Tell(e)
	}
}

// recorded tells that a state was stored.
func (p *Play) recorded(s strategies.State) {
	sentence := fmt.Sprintf("%s %s: %s", s.Phase, s.Reason, s.Message)
	p.tell(Event{Kind: Recorded, Text: "record " + sentence, Again: sentence == p.sentence, State: s})
	p.sentence = sentence
}

// held tells why a record that was lost is not made again.
func (p *Play) held(why error) {
	sentence := "held: " + why.Error()
	p.tell(Event{Kind: Held, Text: sentence, Again: sentence == p.sentence})
	p.sentence = sentence
}

// refused tells that the server says no: it is tried again and again.
func (p *Play) refused(a strategies.Action) {
	text := "refused " + a.String()
	p.tell(Event{Kind: Refused, Text: text, Again: text == p.refusal, Action: a})
	p.refusal = text
}

// moved tells where the Services send users, when that changed.
func (p *Play) moved() {
	users, names := map[string]Users{}, map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(p.World.Services)) {
		u := p.World.UsersOf(name)
		users[name] = u
		names[u.String()] = append(names[u.String()], name)
	}
	var texts []string
	for _, text := range slices.Sorted(maps.Keys(names)) {
		if len(names) > 1 {
			text = strings.Join(names[text], " and ") + " " + text
		}
		texts = append(texts, text)
	}
	if now := strings.Join(texts, "; "); now != p.users && now != "" {
		p.users = now
		p.tell(Event{Kind: Moved, Text: "live " + now, Users: users})
	}
}
