package strategies

import (
	"fmt"
	"time"
)

// A gate is where a rollout waits: for a time, a person, a window, or what an analysis comes
// to (analysis.go). While it waits it repairs what drifts, never beyond what was recorded,
// and no deadline runs.

// gateOpen: a timed pause is over when its time is; an open one when a promote names
// its step, or every gate (SPEC 4.3). A promote by step ends timed pauses too.
func (d *decision) gateOpen(p Pause) bool {
	if d.orders.gates > 0 && d.next.Step <= d.orders.gates {
		return true
	}
	if p.Seconds == nil {
		return d.orders.gates < 0
	}
	return !d.obs.At.Before(d.pauseEnd(p))
}

func (d *decision) pauseEnd(p Pause) time.Time {
	return d.next.StepAt.Add(time.Duration(*p.Seconds) * time.Second)
}

// passes tells that a person lets the rollout pass an inconclusive run (SPEC 4.3): not the
// promote that opened a gate before, which knew nothing of it.
func (d *decision) passes() bool {
	return d.newWord() && (d.orders.gates < 0 || d.next.Step <= d.orders.gates)
}

// newWord tells that `promote` says something else than when a run turned out inconclusive.
func (d *decision) newWord() bool {
	word := "nothing"
	if p := d.spec.Intents.Promote; p != nil {
		word = fmt.Sprintf("%s %d %v", p.Revision, p.Step, p.Full)
	}
	if d.next.Word == "" {
		d.next.Word = word
	}
	if d.next.Word == word {
		return false
	}
	d.next.Word = ""
	return true
}

// wait stands at a gate, and repairs what drifts there: never beyond the weight that
// was recorded for this step.
func (d *decision) wait(p Pause) []Action {
	if p.Seconds != nil {
		end := d.pauseEnd(p)
		d.sayTrouble(Paused, WaitingForTime, d.position()+", paused until "+clock(end))
		d.until(end)
	} else {
		d.sayTrouble(Paused, WaitingForPromote, d.position()+", paused: waiting for promote")
	}
	return d.keep()
}

// waitCutOff stands behind the last step that an edit left: the weight would rise by the
// edit, so a person says when.
func (d *decision) waitCutOff() []Action {
	d.say(Paused, WaitingForPromote, "%s, the steps after it were cut off: waiting for promote", d.position())
	return d.keep()
}

// shut tells that nothing may rise now (SPEC 3.5). A rollback within rollbackWindow is a
// return and is never held.
func (d *decision) shut() bool {
	if d.orders.anyTime || d.next.Returns {
		return false
	}
	is, _ := closed(d.spec.Windows, d.obs.At)
	return is
}

// waitForWindow stands where it is until one opens.
func (d *decision) waitForWindow() []Action {
	_, opens := closed(d.spec.Windows, d.obs.At)
	if opens.IsZero() {
		d.sayTrouble(Paused, WaitingForWindow, d.position()+", outside its windows, and none opens within a year")
	} else {
		d.sayTrouble(Paused, WaitingForWindow, d.position()+", outside its windows until "+opens.UTC().Format(time.RFC3339))
		d.until(opens)
	}
	return d.keep()
}

// keep repairs what drifts from the weight that was recorded, and tells of it only what
// holds the rollout up.
func (d *decision) keep() []Action {
	phase, reason, message, next := d.next.Phase, d.next.Reason, d.next.Message, d.next.NextAt
	progress := d.next.ProgressAt
	d.next.ProgressAt = d.obs.At // the deadline does not run here
	var acts []Action
	live := false
	if d.spec.BlueGreen != nil {
		size := d.previewSize
		if d.next.Step > 1 {
			size = d.fullSize // a window closed right before the switch
		}
		acts, _ = d.stand(size, d.next.Reason, "")
	} else {
		acts, live = d.make(d.next.Asked)
	}
	if live {
		d.next.Live = d.keptWeight()
	}
	d.next.ProgressAt = progress
	if d.next.Reason == Held {
		return acts // what holds it up is the news
	}
	d.next.Phase, d.next.Reason, d.next.Message, d.next.NextAt = phase, reason, message, next
	return acts
}
