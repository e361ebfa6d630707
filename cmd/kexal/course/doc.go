// Package course is the course that a rollout takes: a play of package simulated, told in
// the moments that people care about. `kexal simulate` and `kexal plan` show it.
//
//	play, err := course.Begin(setting)     // the old release serves, the new one is pushed
//	c, err := course.Follow(play, options) // to the end, or to where nobody goes on
//	c.WriteText(os.Stdout, course.Look{Width: 80})
//
// Whoever knows more of the world than a [Setting] says makes a [simulated.Play] instead,
// pushes a release in it, and follows that.
//
// A course follows two revisions, the new one and the old one, and not two roles: at the
// promotion the roles change, and no pod moves. New is what Git asks for when the course
// begins. Old is what is stable then, and where Git goes back to that, what was tried.
//
// It does no I/O and reads no clock: the same play gives the same course. What decides in
// it is [strategies.Decide], and what people write is what `kexal promote` and `kexal abort`
// write.
//
//	begin.go     a play in which one release serves and the next is pushed
//	course.go    what a course is made of
//	follow.go    plays it, and tells its moments
//	hands.go     what people and bad luck do on the way
//	when.go      the moments at which they do it
//	warnings.go  what the counts make of the weights
//	text.go, chart.go, markdown.go, json.go: how it is shown
package course
