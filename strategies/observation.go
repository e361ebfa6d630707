package strategies

import (
	"fmt"
	"time"
)

// An Observation is everything Decide may know about the world, at one moment. Time is
// a fact like any other.
type Observation struct {
	At time.Time
	// How far the wall clock, which At is of, jumped since the state's moments were moved
	// last (State.Moved); zero = it did not, or nobody can know.
	Jumped   time.Duration
	TookOver bool          // this agent has not recorded anything for this rollout yet
	Away     time.Duration // how long nobody had acted when it took over; 0 = nobody can know
	Epoch    int64         // the highest epoch found on live objects; 0 = none
	Claimed  int64         // the epoch that this agent put on objects before any record bore it; 0 = none

	Wanted  *Wanted // what the followed commit renders; nil = it cannot be read, or is not known yet
	Unread  bool    // no commit was read since the agent started
	Removed bool    // rollout.yaml is gone from Git (SPEC 1.4)
	Source  Source  // of a commit that is held; Wanted has its own
	Seen    string  // digest of what was read of a commit that is held; empty = none is
	Held    string  // why nothing may be started or raised; empty = nothing forbids it

	Mistakes []Problem // what is wrong with the commit that is held; empty = another reason

	Workloads map[string]Slots // by the Deployment's name in Git; of every revision that is known
	Services  []Service        // those the rollout switches; in the order of their names
	Previews  []Service        // the ways to the candidate; in the order of their names
	// Services of the namespace that would select the candidate's pods and that this
	// rollout does not switch (SPEC 5.8).
	Strangers []string
	Router    *Router        // what carries the weight; nil = nothing does
	Runs      map[string]Run // analyses and experiments that were begun, by key
	Gone      bool           // a Service that was recorded is not there, and the wanted release has it
	Missing   bool           // objects of the wanted release that only add are not there yet
	Changed   bool           // shared objects differ from the wanted release
	Leftover  []string       // what was made and the wanted release does not have, as KIND/NAME: previews, config that nobody reads, and Deployments of workloads that went

	Off Guards // guards that are switched off, to show that a test sees it
}

// Guards name the checks that keep users off pods that cannot answer. The zero value
// has all of them on; only a build that is made to be caught switches one off.
type Guards struct {
	Ready bool // counts every pod asked for as ready
	Drain bool // shrinks a colour the moment a Service is written
}

// Wanted is what Git asks for.
type Wanted struct {
	Track                   // Color and Attempt are Decide's to say
	Sizes  map[string]int32 // pods that Git asks for, by workload
	Source Source           // where it was read
	Seen   string           // digest of all that was rendered and of rollout.yaml
	Digest int              // version of the algorithm that made Revision
}

// Pods are those that Git asks for, of all workloads.
func (w Wanted) Pods() (n int32) {
	for _, size := range w.Sizes {
		n += size
	}
	return n
}

// Slots are a workload in its two colours.
type Slots map[Color]Slot

// A Slot is one colour's Deployment and its pods.
type Slot struct {
	Exists    bool
	Deleting  bool   // it has a deletionTimestamp: absent, and in the way (SPEC 6.8)
	Revision  string // of the Deployment's template
	Desired   int32  // pods asked for
	Rescaled  bool   // somebody else than kexal wrote that last
	Paused    bool
	Started   bool      // its ReplicaSet is there, which a paused Deployment cannot make
	Edited    bool      // a hand changed its template, which is not what its pods run
	Foreign   int32     // pods of the colour that run a template which a hand made; they never count
	Lags      bool      // its controllers have yet to follow the count
	Lowest    int32     // while it lags: the lowest count since they followed one; pods beyond it may be about to go. 0 = not known
	Pods      int32     // pods of this colour, terminating ones too
	Ready     int32     // pods that count (SPEC 5.14): Ready, right revision, minReadySeconds over, not terminating
	ReadyAt   time.Time // when the last of them became so; zero = none
	Crashed   []Crash   // of each pod of the revision that crashed
	NextAt    time.Time // when the next Ready pod will have been so for minReadySeconds; zero = none
	Trouble   string    // what keeps pods from being ready, in Kubernetes' words; empty = nothing known
	Starved   bool      // quota lets its ReplicaSet make no more pods
	TouchedAt time.Time // when its ReplicaSet was woken last; zero = never
	Aborted   string    // REVISION/ATTEMPT of an abort written on it (SPEC 6.4)
	Epoch     int64
	Step      int // of the write that moved it last
}

// sure is how many ready pods are there to stay. Ones that are left from a count that was
// lowered look ready until their controllers come round, and then go all at once.
func (s Slot) sure() int32 {
	if s.Lags {
		return min(s.Ready, s.Lowest)
	}
	return s.Ready
}

// A Crash is the last one of a pod.
type Crash struct {
	At    time.Time
	Again bool // it crashed before
}

// A Router as it shows itself.
type Router struct {
	Weight  int // percent to the candidate that is in force
	Written int // percent that was asked of it last; a weight is in force some time after
	Aborted string
	Epoch   int64
}

// A Run is an analysis or an experiment, as it stands.
type Run struct {
	Phase RunPhase
	Why   string // in a few words, for people; empty while it runs well
}

// A RunPhase is how a run stands, in Argo Rollouts' words.
type RunPhase string

const (
	Running      RunPhase = "Running"
	Successful   RunPhase = "Successful"
	Failing      RunPhase = "Failed"
	Inconclusive RunPhase = "Inconclusive" // a person has to say
	Erroneous    RunPhase = "Error"        // it could not be measured
)

// Selection is what a Service selects.
type Selection string

const (
	Nothing    Selection = ""      // the Service is not there
	OnlyBlue   Selection = "blue"  // pinned to a colour and its revision
	OnlyGreen  Selection = "green" //
	BothColors Selection = "both"  // the selector from Git, which matches both colours
	Something  Selection = "other" // a selector that kexal did not write
)

// Only is the selection of one colour.
func Only(c Color) Selection { return Selection(c) }

// other is the selection of the other colour.
func (s Selection) other() Selection { return Only(Color(s).Other()) }

// A Service that the rollout switches. One that is not there selects Nothing.
type Service struct {
	Name      string
	Workload  string // whose pods it leads to; empty = of a rollout with one workload
	Deleting  bool
	Selects   Selection
	Endpoints map[Color]int32 // ready endpoints in its EndpointSlices, by pod colour
	Aborted   string
	Epoch     int64
	Overlaps  bool // what is in front of it does not follow a switch at once (SPEC 5.10)
	Differs   bool // of a preview: what it has besides its selector is not what the wanted release says
}

// abortMark is the text of the annotation that an abort carries.
func abortMark(t Track) string { return fmt.Sprintf("%s/%d", t.Revision, t.Attempt) }
