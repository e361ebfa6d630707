// Package simulated is a rollout's world without a cluster: a namespace in memory under a
// clock of its own, and an agent that observes it, decides, records and acts as the real
// loop does. The stories and promises of package strategies play in it, and so does the
// command line when it shows what a rollout would come to.
//
// It does no I/O, reads no clock, logs nothing and draws no lots: the same play gives the
// same events every time. Minutes pass in it as fast as they can be computed. It never
// checks what the agent does; who wants that hears of every effect ([Play.Watch]).
//
//	world.go       the namespace, its clock, what its controllers do in time
//	deployment.go  a colour's Deployment and ReplicaSet
//	pods.go        pods, and how they behave
//	services.go    Services and the EndpointSlices that follow them
//	actions.go     what a cluster does with what the agent writes
//	git.go         what the followed branch says
//	play.go        the agent's loop, which moves the clock
//	resume.go      a play that stands where a state of a real namespace does
//	observe.go     what the agent sees; a record that was lost
//	death.go       where the agent dies, and which of its writes fail
//	steps.go       one turn of the agent, one move of the clock
//	digest.go      which plays go on in the same way
//	events.go      what happened, for those who watch
package simulated
