package strategies_test

import (
	"testing"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A switch of several Services that came 1.3 s after the last pod was ready, which is what
// 2.3 s after that second were, found the node taking the previews' endpoints between its own
// two changes, and users met the two revisions at two Services for a second. Whenever in its
// second the pod became ready, however long the slices took and whenever the node syncs, the
// preview's change is taken at once and all Services with the sync after it (SPEC 5.10, K23).
func TestCalmBeforeASwitch(t *testing.T) {
	const (
		period   = time.Second            // between two syncs of a node, at least
		slowest  = 200 * time.Millisecond // from a pod's readiness to a node, by the slices
		together = 300 * time.Millisecond // from the preview's change to the Services'
		spread   = 50 * time.Millisecond  // between the writes to the Services
		grain    = 10 * time.Millisecond
	)
	for ready := time.Duration(0); ready < time.Second; ready += grain { // within the second that is told
		for lag := time.Duration(0); lag <= slowest; lag += grain {
			for waits := time.Duration(0); waits <= period; waits += grain { // for its turn
				last := ready + lag + waits
				preview := max(strategies.CalmFor, ready)
				taken := max(preview, last+period)
				if taken != preview {
					t.Fatalf("ready %s into its second, known to the node %s later, taken %s after that: it takes the preview's change only %s after it was made, and the Services' come after %s to %s",
						ready, lag, waits, taken-preview, together, together+spread)
				}
			}
		}
	}
}
