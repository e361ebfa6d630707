package strategies

import (
	"slices"
	"time"
)

// selection is what all Services select; Something when they differ. A rollout without
// Services is steered by its counts alone, and selects whatever is asked.
func (d *decision) selection(asked Selection) Selection {
	there := d.services()
	if len(there) == 0 {
		return asked
	}
	for _, s := range there {
		if s.Selects != there[0].Selects {
			return Something
		}
	}
	return there[0].Selects
}

// placed tells that every Service selects what it is asked to: with overlap those that
// need it select both colours.
func (d *decision) placed(to Selection, overlap bool) bool {
	for _, s := range d.services() {
		if overlap && s.Overlaps {
			if s.Selects != BothColors {
				return false
			}
		} else if s.Selects != to {
			return false
		}
	}
	return true
}

// strayed tells that some Service selects what kexal never wrote.
func (d *decision) strayed() bool {
	return slices.ContainsFunc(d.services(), func(s Service) bool { return s.Selects == Something })
}

// services are those that are there. One that is missing is made again with [Apply]; it
// holds up nothing else.
//
// One that the newest revision does not know is none of them: it was taken out of Git with
// the label that it selected by, and stays with the pods that have it.
func (d *decision) services() []Service {
	newest := d.newest()
	return slices.DeleteFunc(slices.Clone(d.obs.Services), func(s Service) bool {
		return s.Selects == Nothing || newest != nil && newest.Selectors[s.Name] == nil
	})
}

// previews are the ways to the candidate that its revision has.
func (d *decision) previews() []Service {
	newest := d.newest()
	return slices.DeleteFunc(slices.Clone(d.obs.Previews), func(s Service) bool {
		return s.Selects == Nothing || newest != nil && newest.Previews[s.Name] == nil
	})
}

// newest is the revision that is tried, or else the one that serves.
func (d *decision) newest() *Track {
	if d.next.Candidate != nil {
		return d.next.Candidate
	}
	return d.next.Stable
}

// knows tells that the pods of a colour can be behind a Service: one that came with the
// candidate may select by a label that stable's pods do not have.
func (d *decision) knows(c Color, s Service) bool {
	for _, t := range []*Track{d.next.Candidate, d.next.Stable} {
		if t != nil && t.Color == c {
			return t.Selectors[s.Name] != nil
		}
	}
	return true
}

// inForce tells from the EndpointSlices that users are sent to one colour only.
func (d *decision) inForce(only Color) bool {
	for _, s := range d.services() {
		if s.Endpoints[only] == 0 && d.behind(s, d.expected) > 0 && !d.obs.Off.Ready && d.knows(only, s) {
			return false
		}
	}
	return d.deserted(only.Other())
}

// expected is how many pods users are to find: while they are switched as many as the switch began
// with, as a new size waits until it is over.
func (d *decision) expected() int32 {
	if d.next.Candidate != nil && d.next.Stable != nil && d.next.Switching {
		return d.switchedSize()
	}
	return d.n
}

// deserted tells from the EndpointSlices that no user is sent to a colour any more, whether
// or not anybody answers in the other.
func (d *decision) deserted(c Color) bool {
	if r, t := d.obs.Router, d.next.Candidate; r != nil && t != nil && t.Color == c && (r.Weight > 0 || r.Written > 0) && !d.obs.Off.Drain {
		return false
	}
	for _, s := range d.services() {
		if s.Selects != Only(c.Other()) || s.Endpoints[c] > 0 && !d.obs.Off.Drain {
			return false
		}
	}
	return true
}

// endpoints is the least number of ready endpoints of a colour in any Service of the workload.
func (d *decision) endpoints(c Color) int32 {
	least := int32(-1)
	for _, s := range d.its(d.services()) {
		if e := s.Endpoints[c]; d.knows(c, s) && (least < 0 || e < least) {
			least = e
		}
	}
	return max(least, 0)
}

// answers tells that a colour has a ready endpoint in any Service.
func (d *decision) answers(c Color) bool {
	return slices.ContainsFunc(d.obs.Services, func(s Service) bool { return s.Endpoints[c] > 0 })
}

// left tells that users left one colour for the other and the drain is over (SPEC 5.11).
// The moment they left goes into the state, so that a restart does not wait anew.
func (d *decision) left(leaves, stays Color) bool {
	if !d.deserted(leaves) {
		d.next.SwitchedAt = time.Time{}
		return false
	}
	if d.obs.Off.Drain || d.every(func() bool { slot := d.in(leaves); return slot.Ready+slot.Foreign == 0 }) {
		return true
	}
	if d.next.SwitchedAt.IsZero() {
		d.next.SwitchedAt = d.obs.At
	}
	end := d.next.SwitchedAt.Add(drain)
	d.lookAhead(end)
	return !d.obs.At.Before(end)
}
