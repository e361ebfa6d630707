package strategies

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
)

// A run's key says of which revision and attempt it is, where in the rollout it stands, and
// by a digest what it is: the same key is the same run, however often it is asked for, and
// one that was edited is another.
const (
	besideSteps   = "background"
	prePromotion  = "pre-promotion"
	postPromotion = "post-promotion"
)

func (d *decision) runKey(t *Track, where string, what any) string {
	text, _ := json.Marshal(what) // it was read from JSON: it can be written so
	sum := fnv.New32a()
	sum.Write(text)
	return fmt.Sprintf("%s/%d/%s-%08x", t.Revision, t.Attempt, where, sum.Sum32())
}

// runs are the analyses and experiments that are to be under way. They follow from what is
// recorded and asked for, so that they go on while a rollout is paused or held, and are asked
// for again by whoever takes over. That of a step comes last.
func (d *decision) runs() []RunOrder {
	c, s := d.next.Candidate, d.next.Stable
	if w := d.next.Warm; w != nil && s != nil && !w.Judged && d.spec.BlueGreen != nil && d.spec.BlueGreen.PostPromotion != nil {
		return []RunOrder{{Key: d.runKey(s, postPromotion, d.spec.BlueGreen.PostPromotion), Analysis: d.spec.BlueGreen.PostPromotion}}
	}
	if c == nil || s == nil || d.next.Back != nil || d.next.Step == 0 {
		return nil
	}
	if b := d.spec.BlueGreen; b != nil {
		if b.PrePromotion == nil || d.next.Step > 1 || d.next.PreviewAt.IsZero() || !d.next.StepAt.IsZero() {
			return nil
		}
		return []RunOrder{{Key: d.runKey(c, prePromotion, b.PrePromotion), Analysis: b.PrePromotion}}
	}
	var wanted []RunOrder
	if a := d.spec.Canary.Analysis; a != nil && d.next.Step >= a.StartingStep && !d.skips() {
		wanted = append(wanted, RunOrder{Key: d.besideKey(), Analysis: a})
	}
	if d.next.Step <= len(d.steps()) {
		if step := d.steps()[d.next.Step-1]; step.Analysis != nil || step.Experiment != nil {
			wanted = append(wanted, RunOrder{Key: d.stepKey(), Analysis: step.Analysis, Experiment: step.Experiment})
		}
	}
	return wanted
}

func (d *decision) stepKey() string {
	return d.runKey(d.next.Candidate, fmt.Sprintf("step-%d", d.next.Step), d.steps()[d.next.Step-1])
}

func (d *decision) besideKey() string {
	if d.spec.Canary.Analysis == nil || d.spec.BlueGreen != nil {
		return ""
	}
	key := d.runKey(d.next.Candidate, besideSteps, d.spec.Canary.Analysis)
	if d.next.Reruns > 0 {
		key = fmt.Sprintf("%s/%d", key, d.next.Reruns+1)
	}
	return key
}

// fails is why the candidate is taken back: an analysis or an experiment of it failed, or
// could not be measured. It is heeded wherever the rollout stands, paused and held too.
func (d *decision) fails() (why string) {
	for _, o := range d.runs() {
		if run := d.obs.Runs[o.Key]; run.Phase == Failing || run.Phase == Erroneous {
			return verdict(o.what(), run)
		}
	}
	return ""
}

// what names a run for people.
func (o RunOrder) what() string {
	for where, what := range map[string]string{besideSteps: "background analysis", prePromotion: "analysis before the promotion", postPromotion: "analysis after the promotion"} {
		if strings.Contains(o.Key, "/"+where+"-") {
			return what
		}
	}
	if o.Experiment != nil {
		return "experiment"
	}
	return "analysis"
}

// judged waits for a run: a successful one leads on, of an inconclusive one a person has to
// say. One that failed takes the candidate back before it comes to this (fails).
func (d *decision) judged(o RunOrder) (acts []Action, over bool) {
	switch run := d.obs.Runs[o.Key]; run.Phase {
	case Successful:
		return nil, true
	case Inconclusive:
		if d.passes() {
			return nil, true
		}
		return d.undecided(o, run), false
	default:
		d.say(Progressing, Analyzing, "%s, %s is running%s", d.position(), o.what(), because(run.Why))
		return d.keep(), false
	}
}

// undecided waits for a person's word on an inconclusive run.
func (d *decision) undecided(o RunOrder, run Run) []Action {
	d.say(Paused, Undecided, "%s, %s: waiting for promote", d.position(), verdict(o.what(), run))
	return d.keep()
}

// background heeds the analysis beside the steps. stands = nothing rises for now. It is
// measured anew when a person passed one that was inconclusive, and ends with the
// promotion.
func (d *decision) background() (acts []Action, stands bool) {
	orders := d.runs()
	if len(orders) == 0 || orders[0].Key != d.besideKey() {
		return nil, false
	}
	run := d.obs.Runs[orders[0].Key]
	switch {
	case run.Phase != Inconclusive:
		return nil, false
	case d.passes():
		d.next.Reruns++
		return nil, false
	}
	return d.undecided(orders[0], run), true
}

// postJudged heeds the analysis after a blue/green promotion: until it has passed, the old
// colour stays warm, and users go back to it when it fails (SPEC 4.5).
func (d *decision) postJudged() {
	if d.orders.passedFull && d.next.Warm != nil {
		d.next.Warm.Judged = true // no analysis that was left is made
	}
	for _, o := range d.runs() {
		switch d.obs.Runs[o.Key].Phase {
		case Successful:
			d.next.Warm.Judged = true
		case Inconclusive:
			d.next.Warm.Judged = d.newWord() && d.obs.Wanted != nil && d.wanted == d.next.Stable.Revision && d.orders.passed
		}
	}
}

// awaits tells that the old colour stays warm for the analysis of the promotion, and of
// what: it is running, or a person has to say.
func (d *decision) awaits() (awaits, person bool) {
	orders := d.runs()
	if len(orders) == 0 {
		return false, false
	}
	return true, d.obs.Runs[orders[0].Key].Phase == Inconclusive
}

// verdict is what a run came to, for people.
func verdict(what string, run Run) string {
	words := map[RunPhase]string{Failing: "failed", Erroneous: "could not be measured", Inconclusive: "is inconclusive"}
	return what + " " + words[run.Phase] + because(run.Why)
}
