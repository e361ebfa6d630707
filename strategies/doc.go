// Package strategies decides how a rollout moves from one revision to the next.
//
// It does no I/O: no cluster, no Git, no clock, no logging, no randomness. The same
// three arguments always give the same [Plan], so any decision can be replayed in a
// test. Time is a fact of the [Observation].
//
// # Words
//
// A release is every object rendered from a directory at one commit; its revision is
// a digest of what runs. A workload lives in one of two colours, blue and green. The
// stable colour serves between rollouts, the candidate is the one being tried. The
// weight is the share of requests sent to the candidate, in percent. A step is one
// entry of the strategy's list, counted from 1; a pause is a gate that waits for a
// time or a person. A run is an analysis or an experiment under way, of which a decision
// knows only how it stands. A router carries the weight where there is one; else the
// ratio of pods does. An intent is a field of rollout.yaml that commands: promote, abort,
// retry, paused.
//
// # The flow of a decision
//
//	Decide ─┬─ users go back to stable ....... back.go
//	        ├─ taken over in flight .......... fence.go
//	        ├─ held, paused, at rest ......... rest.go, drift.go
//	        ├─ nothing is stable yet ......... first.go
//	        ├─ promoted, old colour warm ..... warm.go
//	        └─ a candidate is being tried
//	             ├─ by steps ................. canary.go, edited in mid-rollout or not
//	             │    ├─ by ratio of pods .... move.go (counts and Services), ratio.go
//	             │    └─ by a router ......... routed.go
//	             ├─ by a switch .............. bluegreen.go
//	             └─ where either waits ....... gates.go, windows.go, analysis.go
//
// The workloads of a rollout are looked at one after the other (workloads.go): what is counted
// is counted for each, and what users reach is moved when all are ready for it.
//
// What users reach is told by users.go, which intents are in force by intent.go. A state
// that was lost is made again by rebuild.go. rollout.yaml is read by decode.go and its
// parts; what becomes of each field stands in fields.go.
//
// Stories and promises play in the world of package simulated, below this one: a
// namespace in memory and an agent that asks Decide as the real loop does.
//
// The rules it follows are in RULES.md beside this file, under the numbers that
// comments and stories name.
package strategies
