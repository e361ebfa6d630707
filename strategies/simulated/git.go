package simulated

import (
	"fmt"
	"strconv"

	"github.com/kexal/kexal/strategies"
)

// Git is what the followed branch says.
type Git struct {
	Wanted *strategies.Wanted // as pushed last; nil = nothing was. Its Services and Previews are the world's to say
	Shared int                // version of the objects that are no Deployment
	Held   string             // why the commit cannot be acted on; empty = it can be
	Gone   bool               // rollout.yaml is removed
	Unread bool               // this agent could not read the mirror yet

	file    string
	rollout strategies.Rollout
	mistake error // in the file
	pushes  int

	previews map[string]map[string]string // their selectors, where a state tells them; nil = the world's own
}

// Write makes a text rollout.yaml, and says what is wrong with it: then the commit is
// held, and only the intents in it are followed.
func (g *Git) Write(file string) error {
	g.file = file
	g.rollout, g.mistake = strategies.Decode("rollout.yaml", []byte(file))
	return g.mistake
}

// WriteAs makes the rollout.yaml of another play this one's, which saves reading it again.
func (g *Git) WriteAs(other *Git) error {
	g.file, g.rollout, g.mistake = other.file, other.rollout, other.mistake
	return g.mistake
}

// Push makes a release what the tip of the branch renders. One without a commit gets a
// number for it.
func (g *Git) Push(release strategies.Wanted) {
	g.pushes++
	if release.Commit == "" {
		release.Commit = fmt.Sprintf("%040d", g.pushes)
		release.Source.Commit = release.Commit
	}
	g.Wanted = &release
}

// shared stands for the objects that are no Deployment, as a digest does.
func (g *Git) shared() string { return strconv.Itoa(g.Shared) }
