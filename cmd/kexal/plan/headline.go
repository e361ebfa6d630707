package plan

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/strategies"
)

// headline is the plan in one sentence.
func headline(p Plan, f Facts, c course.Course) string {
	return p.Rollout + ": " + p.gist(f, c)
}

func (p Plan) gist(f Facts, c course.Course) string {
	r, next := f.Record, p.Next.Revision
	if p.Outcome == Mistaken {
		if len(p.Problems) == 1 {
			return "a mistake: the agent would hold this commit, and what runs goes on"
		}
		return fmt.Sprintf("%d mistakes: the agent would hold this commit, and what runs goes on", len(p.Problems))
	}
	if p.Outcome == Nothing || p.Outcome == Applied {
		return p.still(f)
	}
	if last := c.Last(); last.Reason == strategies.PausedByIntent || p.Outcome == Stays {
		text := sentence(last)
		if p.Outcome == Stays {
			text += "; push another revision, or take its rejection back with `retry` in rollout.yaml"
		}
		return text
	}
	switch p.Outcome {
	case FirstRelease:
		return "first release of " + next + p.way(true)
	case Back:
		if r.Warm != nil {
			return fmt.Sprintf("back from %s to %s, which is still warm: no steps, %s", r.Stable.Revision, next, about(p.Took))
		}
		return fmt.Sprintf("back to %s, %s is given up: no steps, %s", next, r.Candidate.Revision, about(p.Took))
	case GoesOn:
		at := ""
		if first := p.Course[0]; first.Step > 0 {
			at = fmt.Sprintf(" at step %d", first.Step)
		}
		return fmt.Sprintf("%s → %s goes on%s%s", r.Stable.Revision, next, at, p.way(false))
	case Supersedes:
		return fmt.Sprintf("%s takes the place of %s: back to %s first, then%s", next, r.Candidate.Revision, r.Stable.Revision, p.way(false)[1:])
	}
	return fmt.Sprintf("%s → %s%s", r.Stable.Revision, next, p.way(false))
}

// still is the sentence for a commit that keeps the revision.
func (p Plan) still(f Facts) string {
	others, removed, later := 0, 0, ""
	for _, c := range p.Changes {
		switch {
		case c.When == NextRollout:
			later = fmt.Sprintf("what else %s %s says counts from the next rollout", c.Kind, c.Name)
		case c.What == Removed:
			removed++
		case c.Kind != "Deployment":
			others++
		}
	}
	var parts []string
	was, resized := f.resized()
	switch {
	case resized && others > 0:
		parts = append(parts, fmt.Sprintf("%s gets %s instead of %d at once, without steps, and %s applied", p.Next.Revision, count(int(p.Replicas), "pod"), was, many(others, "object")))
	case resized:
		parts = append(parts, fmt.Sprintf("%s gets %s instead of %d at once, without steps", p.Next.Revision, count(int(p.Replicas), "pod"), was))
	case others > 0:
		parts = append(parts, fmt.Sprintf("nothing that runs changes: %s applied at once", many(others, "object")))
	default:
		parts = append(parts, p.Next.Revision+" is stable already")
	}
	if removed > 0 {
		parts = append(parts, "what is removed from Git is kept")
	}
	if later != "" {
		parts = append(parts, later)
	}
	if f.Applied != nil && f.Applied.File != f.Next.File {
		parts = append(parts, "rollout.yaml counts from the next rollout")
	}
	return strings.Join(parts, "; ")
}

// resized is the size that Git asked for before, where it asks for another one.
func (f Facts) resized() (was int32, resized bool) {
	if f.Applied == nil || f.Applied.Wanted == nil {
		return 0, false
	}
	was = f.Applied.Wanted.Pods()
	return was, !maps.Equal(f.Applied.Wanted.Sizes, f.Next.Wanted.Sizes)
}

// way is how users get there: strategy, steps, time, gates.
func (p Plan) way(first bool) string {
	text := ""
	steps, gates := 0, 0
	for _, r := range p.Course {
		steps = max(steps, r.Of)
		if r.Gate == course.Person {
			gates++
		}
	}
	switch {
	case first:
		text = ", no steps"
	case p.Strategy == "blueGreen":
		text = ", blue/green"
	case p.Strategy == "rollingUpdate":
		text = ", rolling update in " + count(steps, "step")
	default:
		text = ", canary in " + count(steps, "step")
	}
	text += ", " + about(p.Took)
	switch gates {
	case 0:
		return text + ", no gate for a person"
	case 1:
		return text + ", one gate for a person"
	}
	return fmt.Sprintf("%s, %d gates for a person", text, gates)
}

// about is a duration as people say it.
func about(d time.Duration) string {
	n, unit := max(d.Seconds(), 1), "second"
	switch {
	case d >= 90*time.Minute:
		n, unit = d.Hours(), "hour"
	case d >= 45*time.Second:
		n, unit = max(d.Minutes(), 1), "minute"
	}
	return "about " + count(int(math.Round(n)), unit)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// many is a count and its verb.
func many(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}

// seconds are as exact as a plan is.
func seconds(d time.Duration) int { return int(math.Round(d.Seconds())) }

// short is a duration in a table: 45s, 5m, 1m30s, 2h.
func short(d time.Duration) string {
	text := (time.Duration(seconds(d)) * time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
