// Package reconciler is the loop: it brings what Git says, what was decided last and
// what is live together, asks [strategies.Decide], and makes its plan true.
//
// # The flow
//
//	Source.Poll ─▶ render.Objects ─▶ release.Read ─┐            desired.go
//	                                               ├─▶ strategies.Decide ─▶ record ─▶ act ─▶ publish
//	cluster.Observe + cluster.Read ────────────────┘     pass.go  └─ a return to stable: act, then record
//
// # Who may do what
//
//	render/   a commit's tree → objects; no process, no network
//	release/  objects + plan → the exact objects that should exist, in colours (pure)
//	cluster/  observe and act; the only importer of client-go's clients
//	cluster/lease/  which of two agents acts
//	branches/ gitsync's mirror and ledger as the Source and the Ledger
//	../gitsync         snapshots in, status commits out; the only importer of go-git
//	../gitsync/ledger  status ↔ what the branch holds (pure)
//	../strategies      what to do next (pure)
//	../fixtures/world        this code against an API server and a repository in memory, under a seed
//	../strategies/simulated  this loop again, over a namespace in memory and its own clock (pure)
//
// # Waking
//
// One queue, keyed by rollout: an event of a watch, a commit that changed the rollout,
// or a moment that a plan named puts its key in. The queue's own heap holds the
// moments; a rollout that waits is an entry there, never a goroutine, and one that fails
// never holds the others. A pass reads what the watches showed, and does nothing while
// they have not shown its own last writes.
//
// Run takes these steps by itself: Start, then Poll, Work, Publish and Tell. Who has a clock
// and an order of its own takes them one at a time.
//
// What the state counts from is in times of the clock on the wall, which may jump; what is
// waited for goes by one that does not (clock.go).
//
// # What belongs to no rollout
//
// What polls and pushes come to, and what of a commit has no rollout to be told under,
// becomes one status beside the rollouts' (agent.go): in ConfigMap kexal.agent first, then
// in the ledger.
//
// # What the server refuses
//
// It is told in the server's words, and the write is left alone for a minute, whatever else is
// waited for meanwhile; on the way back the others go on (refused.go).
//
// # Dying
//
// The state ConfigMap is the authority and is written before an effect that raises the
// candidate's share. An effect that lowers it acts first and carries its own record; what it
// did and could not record the process knows, and who follows it records anew before it raises.
// Every effect is fenced by what was observed and confirmed by the next observation, so
// a pass that was cut off anywhere is simply made again. Where the state is gone it is
// rebuilt from what is live and from the ledger (lost.go).
package reconciler
