package strategies

// What stories and promises check plans against, as Decide itself computes it.

var (
	Split = split
	Share = share
)

const CalmFor = calmFor

func (s Spec) Carried() bool                             { return s.carried() }
func (s Spec) KeepsStable() bool                         { return s.keepsStable() }
func (c Canary) Routed() bool                            { return c.routed() }
func (s Spec) Steps() []Step                             { return s.steps() }
func (s Spec) Budget(n int32) (surge, unavailable int32) { return s.budget(n) }
func (s State) RejectionOf(revision string) *Rejection   { return s.rejected(revision) }
