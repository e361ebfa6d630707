package strategies

import (
	"maps"
	"slices"
)

// candidate is the wanted release as the candidate of a new attempt.
func (d *decision) candidate(c Color) *Track {
	t := d.obs.Wanted.Track
	t.Color = c
	if s := d.next.Stable; s != nil {
		t.Selectors = kept(t, s.Selectors)
	}
	if d.next.Attempts == nil {
		d.next.Attempts = map[string]int{}
	}
	t.Attempt = d.next.Attempts[t.Revision] + 1
	if d.orders.retry {
		t.Attempt = d.spec.Intents.Retry.Attempt // so that the same line asks for no other
	}
	d.forget(t.Revision)
	d.next.Attempts[t.Revision] = t.Attempt
	return &t
}

// forget bounds the memory of attempts. A revision that is forgotten and comes back
// counts from 1 again; its old mark was taken off long ago.
func (d *decision) forget(keep string) {
	for _, r := range slices.Sorted(maps.Keys(d.next.Attempts)) {
		if len(d.next.Attempts) < remembered {
			return
		}
		if r != keep && r != revisionOf(d.next.Stable) {
			delete(d.next.Attempts, r)
		}
	}
}
