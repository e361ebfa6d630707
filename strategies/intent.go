package strategies

import "strings"

// orders are the intents that are in force for the revision that Git wants (SPEC 4).
type orders struct {
	abort      bool
	paused     bool
	full       bool
	anyTime    bool // no window holds it
	retry      bool // a rejected revision is tried once more
	passedFull bool // it was full: that analysis is skipped
	passed     bool // a promote names what is promoted already: it passes an inconclusive analysis after it
	gates      int  // gates that wait for a person or a time are open up to this step; -1 = every gate that waits for a person
	notes      []IntentStatus
}

// resolve decides which intents are in force: one that names another revision than the
// wanted one is void (SPEC 4.1); of the rest abort beats paused beats promote (4.2).
func (d *decision) resolve() orders {
	in := d.spec.Intents
	var o orders
	if in.Abort != "" {
		note := IntentStatus{Field: "abort", Revision: in.Abort}
		switch {
		case !d.names(in.Abort):
			note.State, note.Why = d.void(in.Abort)
		case d.was.rejected(d.wanted) != nil:
			note.State = Honoured
		case d.next.Stable == nil:
			note.State, note.Why = Refused, "a first release has nothing to go back to"
		case d.next.Candidate == nil && d.next.Warm == nil && d.next.Stable.Revision == d.wanted:
			note.State, note.Why = Refused, "already stable: git revert brings the old one back"
		default:
			note.State, o.abort = Honoured, true
		}
		o.notes = append(o.notes, note)
	}
	if in.Paused {
		o.paused = true
		o.notes = append(o.notes, IntentStatus{Field: "paused", State: Honoured})
	}
	if p := in.Promote; p != nil {
		note := IntentStatus{Field: "promote", Revision: p.Revision}
		switch {
		case !d.names(p.Revision):
			note.State, note.Why = d.void(p.Revision)
		case o.abort || d.was.rejected(d.wanted) != nil:
			note.State, note.Why = Refused, "the revision is aborted"
		case d.next.Stable != nil && d.next.Stable.Revision == d.wanted && d.next.Candidate == nil:
			note.State = Spent
			o.passed, o.passedFull = true, p.Full
		default:
			note.State = Honoured
			o.full, o.anyTime = p.Full, p.AnyTime
			if o.gates = p.Step; p.Step == 0 && !p.Full {
				o.gates = -1
			}
		}
		o.notes = append(o.notes, note)
	}
	if r := in.Retry; r != nil {
		note := IntentStatus{Field: "retry", Revision: r.Revision}
		made := d.next.Attempts[d.wanted]
		switch rejected := d.was.rejected(d.wanted) != nil; {
		case !d.names(r.Revision):
			note.State, note.Why = d.void(r.Revision)
		case in.Abort != "" && d.names(in.Abort):
			note.State, note.Why = Refused, "abort beats retry: take the abort away"
		case rejected && r.Attempt > made:
			note.State, o.retry = Honoured, true
		case r.Attempt == made && d.next.Candidate != nil:
			note.State = Honoured
		case r.Attempt <= made:
			note.State = Spent
		default:
			note.State, note.Why = Refused, "it is not rejected"
		}
		o.notes = append(o.notes, note)
	}
	return o
}

// names tells whether a text in rollout.yaml names the wanted revision: a prefix of at
// least 6 digits, or, when no known revision starts so, its image tag.
func (d *decision) names(text string) bool {
	if d.wanted == "" {
		return false
	}
	if isPrefix(text, d.wanted) {
		return true
	}
	for _, known := range d.known() {
		if isPrefix(text, known) {
			return false
		}
	}
	images := d.images()
	named := 0
	for _, image := range images {
		if tag(image) == text {
			named++
		}
	}
	return named > 0 && named == len(images)
}

func isPrefix(text, revision string) bool {
	return len(text) >= 6 && strings.HasPrefix(revision, text)
}

// void says whether a revision that is not the wanted one was ever seen.
func (d *decision) void(text string) (IntentState, string) {
	for _, known := range d.known() {
		if isPrefix(text, known) {
			return Spent, ""
		}
	}
	return Ignored, "it names no revision that was seen here"
}

// known are the revisions this rollout remembers, but the wanted one.
func (d *decision) known() []string {
	var revisions []string
	if d.was.Stable != nil {
		revisions = append(revisions, d.was.Stable.Revision)
	}
	if d.was.Candidate != nil {
		revisions = append(revisions, d.was.Candidate.Revision)
	}
	for r := range d.was.Attempts {
		revisions = append(revisions, r)
	}
	return revisions
}

func (d *decision) images() []string {
	if d.obs.Wanted != nil {
		return d.obs.Wanted.Images
	}
	if d.was.Candidate != nil {
		return d.was.Candidate.Images
	}
	return nil
}

// tag is the part of an image's name that people bump.
func tag(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		return name[i+1:]
	}
	return ""
}
