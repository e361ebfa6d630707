package strategies

// A size that Git asks for (SPEC 2.3) is recorded before any of it is made, and that it is still to
// be made stands beside it until it is. So if we die, or Git goes back or cannot be read in between,
// who comes next knows what was asked for, and that counts may be on their way.

// heedSize notes the size that Git asks for, before a count is changed for it.
func (d *decision) heedSize() {
	if d.n != d.was.Replicas {
		d.next.Replicas, d.next.Resizing = d.n, true
	}
}

// resizing tells that there is a size to be made.
func (d *decision) resizing() bool { return d.next.Resizing || d.n != d.was.Replicas }

// resized: it is made.
func (d *decision) resized() { d.next.Replicas, d.next.Resizing = d.n, false }
