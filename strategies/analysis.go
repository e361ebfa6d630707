package strategies

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
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

// runs are the analyses and experiments that are to be under way. They follow from the
// state alone, so that they go on while a rollout is paused or held, and are asked for
// again by whoever takes over.
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
	key := d.runKey(d.next.Candidate, besideSteps, d.spec.Canary.Analysis)
	if d.next.Reruns > 0 {
		key = fmt.Sprintf("%s/%d", key, d.next.Reruns+1)
	}
	return key
}

// judged waits for the analysis or the experiment of a step. Successful leads on; failed,
// or one that could not be measured, takes the candidate back; of an inconclusive one a
// person has to say.
func (d *decision) judged(step Step) (acts []Action, over bool) {
	what := "analysis"
	if step.Experiment != nil {
		what = "experiment"
	}
	run := d.obs.Runs[d.stepKey()]
	switch run.Phase {
	case Successful:
		return nil, true
	case Failing, Erroneous:
		d.turn(verdict(what, run))
		return nil, false
	case Inconclusive:
		if d.passes() {
			return nil, true
		}
		d.say(Paused, Undecided, "%s, %s: waiting for promote", d.position(), verdict(what, run))
		return d.keep(), false
	}
	d.say(Progressing, Analyzing, "%s, %s is running%s", d.position(), what, because(run.Why))
	return d.keep(), false
}

// background heeds the analysis beside the steps. stands = nothing rises for now. It is
// measured anew when a person passed one that was inconclusive, and ends with the
// promotion.
func (d *decision) background() (acts []Action, stands bool) {
	a := d.spec.Canary.Analysis
	if a == nil || d.next.Step < a.StartingStep || d.skips() {
		return nil, false
	}
	run := d.obs.Runs[d.besideKey()]
	switch run.Phase {
	case Failing, Erroneous:
		d.turn(verdict("background analysis", run))
		return nil, true
	case Inconclusive:
		if d.passes() {
			d.next.Reruns++
			d.goesOn(Undecided)
			return nil, false
		}
		d.say(Paused, Undecided, "%s, %s: waiting for promote", d.position(), verdict("background analysis", run))
		return d.keep(), true
	}
	d.goesOn(Undecided)
	return nil, false
}

// previewJudged heeds the analysis of a blue/green preview, before its gate.
func (d *decision) previewJudged() (acts []Action, over bool) {
	a := d.spec.BlueGreen.PrePromotion
	if a == nil || d.skips() {
		return nil, true
	}
	run := d.obs.Runs[d.runKey(d.next.Candidate, prePromotion, a)]
	switch run.Phase {
	case Successful:
		return nil, true
	case Failing, Erroneous:
		d.turn(verdict("analysis before the promotion", run))
		return nil, false
	case Inconclusive:
		if d.passes() {
			return nil, true
		}
		d.say(Paused, Undecided, "%s, %s: waiting for promote", d.position(), verdict("analysis before the promotion", run))
		return d.keep(), false
	}
	d.say(Progressing, Analyzing, "%s, analysis before the promotion is running%s", d.position(), because(run.Why))
	return d.keep(), false
}

// postJudged heeds the analysis after a blue/green promotion: until it has passed, the old
// colour stays warm, and users go back to it when it fails (SPEC 4.5). why = they do.
func (d *decision) postJudged() (why string) {
	w, b := d.next.Warm, d.spec.BlueGreen
	if b == nil || b.PostPromotion == nil || w.Judged {
		return ""
	}
	run := d.obs.Runs[d.runKey(d.next.Stable, postPromotion, b.PostPromotion)]
	switch run.Phase {
	case Successful:
		w.Judged = true
	case Failing, Erroneous:
		return verdict("analysis after the promotion", run)
	case Inconclusive:
		w.Judged = d.obs.Wanted != nil && d.wanted == d.next.Stable.Revision && d.orders.passed
	}
	return ""
}

// awaits tells that the old colour stays warm for the analysis of the promotion, and of
// what: it is running, or a person has to say.
func (d *decision) awaits() (awaits, person bool) {
	w, b := d.next.Warm, d.spec.BlueGreen
	if b == nil || b.PostPromotion == nil || w.Judged {
		return false, false
	}
	return true, d.obs.Runs[d.runKey(d.next.Stable, postPromotion, b.PostPromotion)].Phase == Inconclusive
}

// verdict is what a run came to, for people.
func verdict(what string, run Run) string {
	words := map[RunPhase]string{Failing: "failed", Erroneous: "could not be measured", Inconclusive: "is inconclusive"}
	return what + " " + words[run.Phase] + because(run.Why)
}
