package strategies

import "maps"

// A size that Git asks for (SPEC 2.3) is recorded before any of it is made, and that it is still to
// be made stands beside it until it is. So if we die, or Git goes back or cannot be read in between,
// who comes next knows what was asked for, and that counts may be on their way.

// heedSize notes the size that Git asks for, before a count is changed for it.
func (d *decision) heedSize() {
	if d.n != d.had {
		d.size(Size{Pods: d.n, Resizing: true})
	}
}

// heedSizes is heedSize for every workload.
func (d *decision) heedSizes() {
	d.some(func() bool { d.heedSize(); return false })
}

// resizing tells that there is a size to be made.
func (d *decision) resizing() bool { return d.next.Sizes[d.workload].Resizing || d.n != d.had }

// resized: it is made.
func (d *decision) resized() { d.size(Size{Pods: d.n}) }

func (d *decision) size(s Size) {
	if d.next.Sizes == nil {
		d.next.Sizes = map[string]Size{}
	}
	d.next.Sizes[d.workload] = s
}

// unmade are sizes as they are while a count of an agent before may still arrive: one that was to be
// made, or is another, may be made wrong.
func (d *decision) unmade(sizes map[string]Size) map[string]Size {
	sizes = maps.Clone(sizes)
	for name, s := range sizes {
		before := d.was.Sizes[name]
		s.Resizing = s.Resizing || before.Resizing || s.Pods != before.Pods
		sizes[name] = s
	}
	return sizes
}
