package course

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A When is a moment of a rollout: exactly one of From's kinds, and a while after it.
type When struct {
	From  From
	Step  int           // AtStep: counted from 1
	Later time.Duration // after it
}

// From is what a [When] counts from.
type From string

const (
	AtPush      From = ""          // it is pushed
	AtStart     From = "start"     // the new pods start
	AtStep      From = "step"      // a step has come into force
	AtPromotion From = "promotion" // the new revision is stable
)

// forms are what ParseWhen reads, for people.
const forms = "write start, step=3, step=3+20s, promotion, promotion+12s, or a time after the push such as 90s"

// ParseWhen reads start, step=N, promotion, each with +DURATION behind it, or a duration
// after the push.
func ParseWhen(text string) (When, error) {
	bad := fmt.Errorf("%q is no moment of a rollout: %s", text, forms)
	if d, err := time.ParseDuration(text); err == nil {
		if d < 0 || text[0] == '+' {
			return When{}, bad
		}
		return When{From: AtPush, Later: d}, nil
	}
	var w When
	from, later, delayed := strings.Cut(text, "+")
	if delayed {
		d, err := time.ParseDuration(later)
		if err != nil || d < 0 {
			return When{}, bad
		}
		w.Later = d
	}
	number, stepped := strings.CutPrefix(from, "step=")
	switch {
	case from == string(AtStart):
		w.From = AtStart
	case from == string(AtPromotion):
		w.From = AtPromotion
	case stepped:
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return When{}, bad
		}
		w.From, w.Step = AtStep, n
	default:
		return When{}, bad
	}
	return w, nil
}

// String is the moment as ParseWhen reads it.
func (w When) String() string {
	text := string(w.From)
	switch w.From {
	case AtPush:
		return short(w.Later)
	case AtStep:
		text = fmt.Sprintf("step=%d", w.Step)
	}
	if w.Later > 0 {
		text += "+" + short(w.Later)
	}
	return text
}

// short is a duration to tenths of a second, without zeros behind it: 5m, 1m30s, 1.5s.
func short(d time.Duration) string {
	text := d.Round(100 * time.Millisecond).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
