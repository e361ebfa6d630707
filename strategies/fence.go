package strategies

import "slices"

// fencing tells that an agent took over and its epoch does not stand on every object yet:
// until it does, a stalled predecessor could still write (SPEC 6.3).
func (d *decision) fencing() bool {
	if !d.next.Fencing {
		return false
	}
	if !d.obs.TookOver && d.marked(d.stamp()) {
		d.next.Fencing = false
	}
	return d.next.Fencing
}

// fence records the step again in the new epoch, then marks (SPEC 6.4).
func (d *decision) fence() []Action { return []Action{Mark{d.stamp()}} }

// marked tells that the epoch and the abort stand on all traffic objects and slots. A slot
// keeps the mark of an attempt before: it tells whose pods those are.
func (d *decision) marked(s Stamp) bool {
	for _, svc := range d.obs.Services {
		if svc.Selects != Nothing && (svc.Epoch != s.Epoch || svc.Aborted != s.Aborted) {
			return false
		}
	}
	if r := d.obs.Router; r != nil && (r.Epoch != s.Epoch || r.Aborted != s.Aborted) {
		return false
	}
	for _, slot := range slices.Concat(d.slotsOf(Blue), d.slotsOf(Green)) {
		if slot.Exists && !slot.Deleting && (slot.Epoch != s.Epoch || s.Aborted != "" && slot.Aborted != s.Aborted) {
			return false
		}
	}
	return true
}

// outlived tells that something bears the epoch of a predecessor. An agent that took over at
// rest has marked nothing: a count that its predecessor sent before it fell asleep may still
// arrive, and take the pods of whatever serves by then.
func (d *decision) outlived() bool {
	older := func(epoch int64) bool { return epoch > 0 && epoch < d.next.Epoch } // 0 = nobody's yet (SPEC 5.19)
	for _, svc := range d.obs.Services {
		if svc.Selects != Nothing && older(svc.Epoch) {
			return true
		}
	}
	for _, slot := range slices.Concat(d.slotsOf(Blue), d.slotsOf(Green)) {
		if slot.Exists && !slot.Deleting && older(slot.Epoch) {
			return true
		}
	}
	return d.obs.Router != nil && older(d.obs.Router.Epoch)
}
