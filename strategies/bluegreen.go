package strategies

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// blueGreen brings the candidate to its preview size with nobody but its previews sent
// to it, waits at the gate, brings it to full size, and switches all Services at once
// (SPEC 4.3, 5.10). Step 1 is all that lies before the gate, 2 what lies behind it.
func (d *decision) blueGreen() []Action {
	if d.next.Step <= 1 && d.skips() && !d.shut() {
		d.next.Step, d.next.StepAt = 2, time.Time{}
		d.next.ProgressAt = d.obs.At // what it stood at does not count (SPEC 5.23)
	}
	if d.next.Step <= 1 {
		if acts, over := d.beforeSwitch(); !over {
			return acts
		}
		d.next.Step, d.next.StepAt = 2, time.Time{}
		d.next.ProgressAt = d.obs.At // a gate does not count (SPEC 5.23)
	}
	return d.switchOver()
}

// beforeSwitch is all that lies before the switch, in its order: the preview is ready, its
// analysis has passed, the gate is open, and so is a window.
func (d *decision) beforeSwitch() (acts []Action, over bool) {
	if d.next.PreviewAt.IsZero() {
		d.progressing(StartingPreview, "starting")
		acts, ready := d.stand(d.previewSize, StartingPreview, "starting")
		if !ready {
			return acts, false
		}
		d.next.PreviewAt = d.obs.At
	}
	if d.next.StepAt.IsZero() {
		if a := d.spec.BlueGreen.PrePromotion; a != nil && !d.skips() {
			if acts, over := d.judged(RunOrder{Key: d.runKey(d.next.Candidate, prePromotion, a), Analysis: a}); !over {
				return acts, false
			}
		}
		d.next.StepAt = d.obs.At // autoPromotionSeconds count from here
	}
	if gate := *d.spec.BlueGreen.gate(); !d.gateOpen(gate) && !d.skips() {
		return d.wait(gate), false
	}
	if d.shut() {
		return d.waitForWindow(), false
	}
	return nil, true
}

// regated: the gate was edited after it was passed. Nobody was switched yet, so it is
// passed again by what it says now (SPEC 3.6).
func (d *decision) regated() {
	if d.was.Spec.BlueGreen == nil || d.next.Step <= 1 {
		return
	}
	before, now := Step{Pause: d.was.Spec.BlueGreen.gate()}, Step{Pause: d.spec.BlueGreen.gate()}
	if moved, _ := d.moved(); !moved && !before.equal(now) {
		d.next.Step, d.next.StepAt, d.next.ProgressAt = 1, time.Time{}, d.obs.At
		d.next.PreviewAt = time.Time{}
		d.next.Asked, d.next.Switching = 0, false
	}
}

// fullSize is what the candidate has before users come: as many pods as stable has live
// (SPEC 5.13), and never fewer than Git asks for. No pods asked for stay none (5.2).
func (d *decision) fullSize() int32 {
	if d.n == 0 || d.resizing() || !d.has(d.next.Stable) {
		return d.n
	}
	return max(d.n, d.slot(d.next.Stable).Desired)
}

// switchedSize is full size while users are switched: the pods that the switch began
// with. A new size, or an autoscaler's, waits until it is over.
func (d *decision) switchedSize() int32 {
	switch {
	case !d.has(d.next.Candidate):
		return 0
	case !d.has(d.next.Stable):
		return d.slot(d.next.Candidate).Desired
	}
	begun := min(d.slot(d.next.Candidate).Desired, d.slot(d.next.Stable).Desired)
	if d.next.Sizes[d.workload].Resizing {
		return begun
	}
	return max(d.had, begun)
}

// previewSize is what the candidate has before its gate. A worker, which no Service
// selects, would take work from stable: it has no pods before the switch (SPEC 5.2).
func (d *decision) previewSize() int32 {
	if len(d.its(d.obs.Services)) == 0 {
		return 0
	}
	full := d.fullSize()
	if n := d.spec.BlueGreen.PreviewReplicas; n > 0 {
		return min(n, full)
	}
	return full
}

// stand brings the candidate to a size while its users are its previews' alone, and
// reports whether all of its pods are ready. of gives the size of a workload.
func (d *decision) stand(of func() int32, reason Reason, doing string) (acts []Action, ready bool) {
	c := d.next.Candidate
	if acts, firm := d.footing(reason, doing); !firm {
		return acts, false
	}
	if acts, full := d.each(d.fills); !full {
		return acts, false
	}
	if len(d.obs.Strangers) > 0 && d.some(func() bool { return d.has(c) && d.slot(c).Desired == 0 && of() > 0 }) {
		d.sayStrangers()
		return nil, false
	}
	// A switch widens one just before the Services (K23); when the server refused those, it
	// is tried again from there.
	if to := Only(c.Color); !d.was.Switching && !d.previewed(to) {
		return []Action{Preview{To: to, Stamp: d.stamp()}}, false
	}
	acts, ready = d.each(func() ([]Action, bool) {
		if !d.has(c) {
			return nil, true
		}
		return d.stands(of())
	})
	switch {
	case acts != nil:
		return acts, false
	case d.some(func() bool { return d.n == 0 && d.slot(d.next.Stable).Pods > 0 }):
		d.say(Progressing, reason, "%s, %s: Git asks for no pods, and stable still has some", d.position(), doing)
		return nil, false
	case ready:
		return nil, true
	}
	if ready = d.deadline(reason, doing); d.next.Back == nil {
		acts = d.all(func() []Action { return d.wakes(c) })
	}
	return acts, ready
}

// fills brings a workload of stable to full size.
func (d *decision) fills() (acts []Action, full bool) {
	s := d.next.Stable
	d.heedSize()
	if size := d.fullSize(); d.has(s) && d.slot(s).Desired != size && (d.n > 0 || d.resizing()) {
		return []Action{Scale{d.workload, s.Color, size, d.stamp()}}, false
	}
	d.resized()
	return nil, true
}

// stands brings a workload of the candidate to a size.
func (d *decision) stands(size int32) (acts []Action, ready bool) {
	c := d.next.Candidate
	candidate := d.slot(c)
	// One that is still on its way to fewer pods is there first.
	if candidate.Desired != size && (size < candidate.Desired || !candidate.Lags) {
		return []Action{Scale{d.workload, c.Color, size, d.stamp()}}, false
	}
	d.lookAt(candidate.NextAt)
	return nil, candidate.sure() >= size && d.proven(c.Color, size) && !d.loops(candidate)
}

// calmAfter is how long a candidate's pod that crashed again has to go without a crash: it
// looks well for a moment each time.
const calmAfter = time.Minute

// loops tells that a pod of the candidate crashed again and again a moment ago.
func (d *decision) loops(candidate Slot) bool {
	for _, crash := range candidate.Crashed {
		if end := crash.At.Add(calmAfter); crash.Again && d.obs.At.Before(end) {
			d.lookAt(end)
			return true
		}
	}
	return false
}

// proves tells that some preview leads to the candidate, so that its EndpointSlices say who
// is ready.
func (d *decision) proves(c Color) bool {
	return slices.ContainsFunc(d.previews(), func(p Service) bool { return p.Selects == Only(c) })
}

// proven tells that the EndpointSlices of the previews show the candidate's pods. That a
// pod is ready is known here before those who make the slices know it: a Service that is
// switched too soon leads to nobody.
func (d *decision) proven(c Color, size int32) bool {
	for _, p := range d.its(d.previews()) {
		if p.Selects == Only(c) && p.Endpoints[c] < size && !d.obs.Off.Ready {
			return false
		}
	}
	return true
}

// previewed tells that every preview that is there selects one colour, and says of itself
// what the wanted release says.
func (d *decision) previewed(to Selection) bool {
	for _, p := range d.previews() {
		if p.Selects != to || p.Differs {
			return false
		}
	}
	return true
}

// moved tells whether some Service is switched to the candidate, and whether some is not.
// One that a hand moved before the switch was recorded is not: it is put back.
func (d *decision) moved() (some, notAll bool) {
	if !d.next.Switching {
		return false, true
	}
	to := Only(d.next.Candidate.Color)
	waits := d.overlaps() || d.some(d.short)
	for _, s := range d.services() {
		both := s.Overlaps && s.Selects == BothColors
		some = some || both || s.Selects == to
		notAll = notAll || s.Selects != to && !(both && waits)
	}
	return some, notAll
}

// partialFor is how long only some Services may be switched (SPEC 5.10, K25).
const partialFor = 10 * time.Second

// calmFor is how long after the candidate's last pod became ready Services are switched
// where several are, or no preview proves that the slices know it. That moment is told cut
// to the second, by a kubelet's clock: it may be a second later. A node hears of the previews'
// endpoints some tenths of a second after it, may have a second to wait until it takes them,
// and takes nothing for a second more: a switch that is begun before all that is over may
// have its own two changes on the two sides of that last moment (SPEC 5.10, K23). Where the
// kubelet's clock is further ahead of ours it says nothing, and nothing is waited for.
const calmFor = 3300 * time.Millisecond

// switchOver sends all users to the candidate, one write for each Service, and promotes
// it when the EndpointSlices show that they are there. Until the first Service moves the
// candidate has to stand at full size; from then on it may not lose half of its pods.
func (d *decision) switchOver() []Action {
	c := d.next.Candidate
	d.next.Asked = 100
	d.progressing(Promoting, "promoting")
	full := d.switchedSize
	moved, notAll := d.moved()
	if !moved {
		full = d.fullSize
		d.next.Switching, d.next.OverlapAt, d.next.Live = false, time.Time{}, 0
		if d.shut() { // the windows closed while it grew: that is told, whoever of it is ready meanwhile
			return d.waitForWindow()
		}
		if d.was.Reason == WaitingForWindow {
			d.next.ProgressAt = d.obs.At // a window does not count (SPEC 5.23)
		}
		if acts, ready := d.stand(full, Promoting, "promoting"); !ready {
			return acts
		}
	}
	if moved && d.deserts() {
		return nil
	}
	if d.partial(moved && notAll) {
		return nil
	}
	to, overlap := Only(c.Color), d.overlaps()
	if !overlap && !d.next.OverlapAt.IsZero() { // the overlap does not count (SPEC 5.23)
		d.next.ProgressAt = later(d.next.ProgressAt, d.next.OverlapAt.Add(d.spec.SwitchOverlap))
	}
	switch {
	case !d.placed(to, overlap) && d.some(func() bool { return d.has(c) && d.slot(c).sure() < full() }):
		d.deadline(Promoting, "promoting")
		return nil
	case !d.placed(to, overlap):
		prime := !moved && len(d.services()) > 1
		last := d.readyAt(c)
		calm, told := last.Add(calmFor), !last.After(d.obs.At.Add(calmFor))
		if told && !moved && (prime || !d.proves(c.Color)) && d.obs.At.Before(calm) {
			d.lookAt(calm)
			return nil
		}
		if !d.was.Switching { // one that is refused is begun again, and is no progress each time
			d.next.ProgressAt = d.obs.At
		}
		d.next.Switching = true
		return []Action{Select{To: to, Overlap: overlap, Prime: prime, Stamp: d.stamp()}}
	}
	if acts := d.restores(); acts != nil {
		return acts
	}
	switch {
	case overlap:
		return d.overlapping()
	case !d.inForce(c.Color):
		d.deadline(Promoting, "promoting")
		return nil
	}
	return d.promoted()
}

// short tells that a workload of the candidate has fewer pods than it was switched with.
func (d *decision) short() bool { return d.slot(d.next.Candidate).sure() < d.switchedSize() }

// deserts turns round a switch that was begun where the candidate cannot take its users.
func (d *decision) deserts() (turns bool) {
	c := d.next.Candidate
	switch {
	case d.some(func() bool { return d.slot(c).Foreign > 0 }):
		d.turnForeign()
	case d.some(func() bool { return 2*d.slot(c).Ready < d.switchedSize() }):
		d.turn("fewer than half of its pods are ready while users are switched to it" + because(d.trouble(c)))
	default:
		return false
	}
	return true
}

// turn sends users back, by itself.
func (d *decision) turn(why string) {
	d.next.Back = &Back{Cause: ByItself, Why: why, At: d.obs.At}
	d.unswitch()
}

// unswitch forgets how far a switch was.
func (d *decision) unswitch() {
	d.next.Switching = false
	d.next.SwitchedAt, d.next.OverlapAt, d.next.PartialAt, d.next.RoutedAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
}

// partial tells that a switch turns round because some Services could not be switched for
// too long. Since when goes into the state: a restart does not begin anew.
func (d *decision) partial(is bool) (turns bool) {
	if !is {
		d.next.PartialAt = time.Time{}
		return false
	}
	if d.next.PartialAt.IsZero() {
		d.next.PartialAt = d.obs.At
	}
	end := d.next.PartialAt.Add(partialFor)
	d.lookAt(end)
	if d.obs.At.Before(end) {
		return false
	}
	var parts []string
	for _, s := range d.services() {
		parts = append(parts, fmt.Sprintf("%s selects %s", s.Name, s.Selects))
	}
	d.turn("its Services could not be switched together: " + strings.Join(parts, ", "))
	return true
}

// overlaps tells that some Services are to select both colours for now, because what is
// in front of them does not follow a switch at once (SPEC 5.10, K22).
func (d *decision) overlaps() bool {
	if d.spec.SwitchOverlap == 0 || !d.next.OverlapAt.IsZero() && !d.obs.At.Before(d.next.OverlapAt.Add(d.spec.SwitchOverlap)) {
		return false
	}
	return slices.ContainsFunc(d.services(), func(s Service) bool {
		return s.Overlaps && s.Selects != Only(d.next.Candidate.Color) // one that left stable altogether is not taken back to it
	})
}

// overlapping waits while both colours take users. It counts from when the EndpointSlices
// show both.
func (d *decision) overlapping() []Action {
	for _, s := range d.services() {
		if s.Overlaps && s.Endpoints[d.next.Candidate.Color] == 0 && d.behind(s, d.expected) > 0 {
			d.deadline(Promoting, "promoting")
			return nil
		}
	}
	if d.next.OverlapAt.IsZero() {
		d.next.OverlapAt = d.obs.At
	}
	d.next.Live = d.observedWeight()
	end := d.next.OverlapAt.Add(d.spec.SwitchOverlap)
	d.progressing(Promoting, "promoting, both colours take users until "+clock(end))
	d.until(end)
	return nil
}

// spares tells that an aborted candidate keeps its pods for a while: nobody is sent to
// them, and people can look at what went wrong (abortScaleDownDelaySeconds). A worker's
// would go on working.
func (d *decision) spares() bool {
	b := d.next.Back
	return d.spec.carried() && b != nil && b.Cause.rejects() && len(d.obs.Services) > 0
}

// spare notes until when.
func (d *decision) spare() {
	kept := &Spare{Color: d.next.Candidate.Color}
	if delay := d.spec.abortDelay(); delay > 0 {
		until := d.obs.At.Add(delay)
		kept.Until = &until
	}
	d.next.Spare = kept
}

// spared tells that the pods of a colour are kept for now, and asks to look again when
// they are not any more.
func (d *decision) spared(c Color) bool {
	kept := d.next.Spare
	if kept == nil || kept.Color != c {
		return false
	}
	if kept.Until == nil {
		return true
	}
	if !d.obs.At.Before(*kept.Until) {
		return false
	}
	d.lookAt(*kept.Until)
	return true
}

// settlePreviews widens a preview that selects a colour where nobody is: between rollouts
// it leads to what serves.
func (d *decision) settlePreviews() []Action {
	stable := d.next.Stable
	if d.some(func() bool { other := d.in(stable.Color.Other()); return other.Exists && other.Desired > 0 }) {
		return nil
	}
	for _, p := range d.previews() {
		if p.Selects != Only(stable.Color) && p.Selects != BothColors {
			stamp := d.stamp()
			stamp.Revision = stable.Revision
			return []Action{Preview{To: BothColors, Stamp: stamp}}
		}
	}
	return nil
}

// wayIn names the previews, for people.
func (d *decision) wayIn() string {
	names := slices.Sorted(maps.Keys(d.next.Candidate.Previews))
	if len(names) == 0 {
		return ""
	}
	return " at " + strings.Join(names, ", ")
}
