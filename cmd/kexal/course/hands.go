package course

import (
	"fmt"
	"time"

	"github.com/kexal/kexal/cmd/kexal/edit"
	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// A hand does something at a moment of the rollout, as people and bad luck do.
type hand struct {
	name  string
	when  func(strategies.State) bool // it begins to count
	later time.Duration
	do    func() // once, or each time that it came to when
	each  bool

	seenAt time.Time // it counts since then; zero = it does not
	spent  bool
}

func (h *hand) due() time.Time { return h.seenAt.Add(h.later) }

// looks is a hand that sees what was recorded.
func (h *hand) looks(at time.Time, s strategies.State) {
	if !h.spent && h.seenAt.IsZero() && h.when(s) {
		h.seenAt = at
	}
}

// hands are those that the options ask for.
func (r *run) hands(o Options) (all []*hand) {
	if !o.Nobody {
		all = append(all, &hand{when: waitsForPromote, later: o.PromoteAfter, do: r.promote, each: true})
	}
	if o.Fail != nil && *o.Fail == (When{From: AtStart}) {
		r.stillborn = true // they are bad before they can be ready
	} else if o.Fail != nil {
		all = append(all, &hand{name: "they crash at " + o.Fail.String(), when: r.reaches(*o.Fail), later: o.Fail.Later, do: r.fail})
	}
	if o.Abort != nil {
		all = append(all, &hand{name: "a person aborts at " + o.Abort.String(), when: r.reaches(*o.Abort), later: o.Abort.Later, do: r.abort})
	}
	return all
}

func waitsForPromote(s strategies.State) bool {
	return s.Reason == strategies.WaitingForPromote || s.Reason == strategies.Undecided
}

// reaches tells whether a state is at or behind a moment, without its delay.
func (r *run) reaches(w When) func(strategies.State) bool {
	return func(s strategies.State) bool {
		tried := s.Candidate != nil && s.Candidate.Revision == r.new
		promoted := s.Stable != nil && s.Stable.Revision == r.new
		switch w.From {
		case AtPush:
			return true
		case AtStart:
			return tried || promoted
		case AtPromotion:
			return promoted
		}
		// A step that waits is in force while it waits, one that moves when it is done.
		return promoted && r.old != "" || tried && s.Stable != nil && (s.Step > w.Step || s.Step == w.Step && gateOf(s) != NoGate)
	}
}

// promote is `kexal promote NAME`, at a gate that still waits. Nobody promotes what crashes.
func (r *run) promote() {
	s := r.play.State()
	if r.failed || !waitsForPromote(s) {
		return
	}
	status := s.Status(r.name, "", nil)
	p, err := edit.Promote(r.name, &status, edit.Promotion{})
	if err != nil {
		// A gate that is at no step: `kexal promote` wants to hear how far it may go.
		p, err = edit.Promote(r.name, &status, edit.Promotion{Revision: r.new, Full: true})
	}
	r.promoted = true
	line := "kexal promote " + r.name
	if p.Full {
		line += " --full"
	}
	r.writes("a person says yes", line, err, func(file []byte) ([]byte, error) {
		return edit.SetPromote(file, p)
	})
}

// abort is `kexal abort NAME`.
func (r *run) abort() {
	status := r.play.State().Status(r.name, "", nil)
	revision, err := edit.Abort(r.name, &status, "")
	r.writes("a person says no", "kexal abort "+r.name, err, func(file []byte) ([]byte, error) {
		return edit.SetAbort(file, revision)
	})
}

// writes tells what a person does, and pushes what the command makes of rollout.yaml.
func (r *run) writes(who, line string, refused error, change func([]byte) ([]byte, error)) {
	var text []byte
	if refused == nil {
		text, refused = change([]byte(r.file))
	}
	if refused != nil {
		r.hand(fmt.Sprintf("%s, in vain: %s: %v", who, line, refused))
		return
	}
	r.hand(who + ": " + line)
	r.file = string(text)
	if err := r.play.Git.Write(r.file); err != nil {
		r.play.Stop(fmt.Errorf("rollout.yaml after %s: %w", line, err))
	}
}

// fail lets the new revision's pods crash, and those that are yet to come.
func (r *run) fail() {
	if c, there := colorOf(r.play.World, r.new); there {
		r.hand("the pods of " + r.new + " crash")
		r.failed = true
		spoil(r.play.World, c)
		return
	}
	r.hand("the pods of " + r.new + " would crash, but there are none")
}

// spoil is bad luck for a colour.
func spoil(w *simulated.World, c strategies.Color) {
	m := w.Manners[c]
	m.Unready, m.Trouble = true, "CrashLoopBackOff"
	w.Teach(c, m)
}
