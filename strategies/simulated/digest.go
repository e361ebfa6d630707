package simulated

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Digest is equal for two plays that go on in the same way.
type Digest [16]byte

// Digest leaves out what is only told, and when and how often things happened before:
// moments count from now, epochs from the one that is recorded, pods by their age. A moment
// that is longer ago than past is as good as one that is just that long ago: no duration
// that counts in the play may be longer.
func (p *Play) Digest(past time.Duration) Digest {
	c := canon{now: p.World.Now, past: past, b: make([]byte, 0, 2048)}
	s := p.state()
	if !s.PausedAt.IsZero() || !s.UnreadAt.IsZero() {
		c.past = ever // moments move by how long it was paused, or had no mirror
	}
	c.epoch = s.Epoch
	c.flag(p.Record == "")
	c.flag(p.epoch != 0 && p.epoch == s.Epoch)
	c.state(s)
	c.git(&p.Git)
	c.world(p.World)
	for _, key := range slices.Sorted(maps.Keys(p.runs)) {
		r := p.runs[key]
		c.text(key)
		c.text(string(r.phase))
		c.moment(r.since)
	}
	sum := sha256.Sum256(c.b)
	return Digest(sum[:16])
}

// ever is longer than any play.
const ever = time.Duration(1<<63 - 1)

// A canon writes facts in one way.
type canon struct {
	b     []byte
	now   time.Time
	past  time.Duration
	epoch int64
}

func (c *canon) number(n int64)  { c.b = binary.AppendVarint(c.b, n) }
func (c *canon) text(s string)   { c.b = append(append(c.b, s...), 0) }
func (c *canon) epochOf(n int64) { c.number(c.epoch - n) }

func (c *canon) flag(f bool) {
	if f {
		c.b = append(c.b, 1)
	} else {
		c.b = append(c.b, 0)
	}
}

func (c *canon) moment(t time.Time) {
	if t.IsZero() {
		c.text("never")
		return
	}
	c.number(int64(max(t.Sub(c.now), -c.past)))
}

// state writes a record without what is only for people to read.
func (c *canon) state(s strategies.State) {
	s.Epoch, s.Message, s.Since, s.NextAt, s.Source, s.Seen, s.Intents, s.Conditions = 0, "", time.Time{}, nil, strategies.Source{}, "", nil, nil
	rejected := s.Rejected
	s.Rejected = nil
	c.value(reflect.ValueOf(&s).Elem())
	for _, r := range rejected {
		c.text(r.Revision)
	}
}

func (c *canon) git(g *Git) {
	c.flag(g.Gone)
	c.flag(g.Unread)
	c.text(g.Held)
	c.number(int64(g.Shared))
	c.text(g.file)
	if g.Wanted != nil {
		c.track(&g.Wanted.Track)
		c.value(reflect.ValueOf(g.Wanted.Sizes))
	}
}

// track leaves out the commit: one that changes nothing keeps the revision.
func (c *canon) track(t *strategies.Track) {
	plain := *t
	plain.Commit = ""
	c.value(reflect.ValueOf(&plain).Elem())
}

func (c *canon) stamped(s stamped) {
	c.epochOf(s.epoch)
	c.text(s.aborted)
}

func (c *canon) world(w *World) {
	for _, color := range []strategies.Color{strategies.Blue, strategies.Green} {
		m := w.Manners[color]
		c.value(reflect.ValueOf(&m).Elem())
	}
	for _, workload := range w.workloads() {
		c.text(workload)
		for _, color := range []strategies.Color{strategies.Blue, strategies.Green} {
			c.deployment(w.Slots[workload][color])
		}
	}
	for _, p := range w.pods { // in the order of their age
		c.text(p.workload)
		c.text(string(p.color))
		c.text(p.revision)
		c.text(p.trouble)
		c.flag(p.foreign)
		c.moment(p.readyAt)
		c.moment(p.goneAt)
		if n := len(p.crashes); n > 0 {
			past := c.past
			if c.flag(n > 1); n > 1 {
				c.past = ever // it has to be well for longer than anything else counts
			}
			c.moment(p.crashes[n-1])
			c.past = past
		}
	}
	for _, services := range []map[string]*Service{w.Services, w.Previews} {
		for _, name := range slices.Sorted(maps.Keys(services)) {
			s := services[name]
			c.text(name)
			c.text(string(s.Selects))
			c.text(s.Workload)
			c.text(s.Revision)
			c.text(s.digest)
			for _, f := range []bool{s.Overlaps, s.Refuses, s.RefusesLate} {
				c.flag(f)
			}
			c.stamped(s.stamped)
			for _, color := range []strategies.Color{strategies.Blue, strategies.Green} {
				c.number(int64(s.Endpoints[color]))
				c.moment(s.Left[color])
			}
			c.moment(s.due)
		}
	}
	if r := w.Router; r != nil {
		c.number(int64(r.Written))
		c.number(int64(r.Weight))
		c.flag(r.Refuses)
		c.moment(r.due)
		c.moment(r.zeroAt)
		c.stamped(r.stamped)
	}
	c.text(w.config)
	c.number(int64(w.Quota))
	for _, name := range w.Strangers {
		c.text(name)
	}
	for _, d := range []time.Duration{w.Lag, w.RouterLag, w.Late, w.Sleeps} {
		c.number(int64(d))
	}
}

func (c *canon) deployment(d *Deployment) {
	if c.flag(d != nil); d == nil {
		return
	}
	c.text(d.Revision)
	c.number(int64(d.Desired))
	c.number(int64(d.follows))
	for _, f := range []bool{d.Paused, d.Edited, d.Stuck, d.Deleting, d.starved} {
		c.flag(f)
	}
	for _, o := range d.orders {
		c.number(int64(o.count))
		c.moment(o.due)
	}
	for _, t := range []time.Time{d.startedAt, d.wakesAt, d.touchedAt} {
		c.moment(t)
	}
	c.stamped(d.stamped)
}

var tracks, moments = reflect.TypeFor[*strategies.Track](), reflect.TypeFor[time.Time]()

// value writes whatever it is, so that a field which is new is never forgotten.
func (c *canon) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		c.flag(v.Bool())
	case reflect.String:
		c.text(v.String())
	case reflect.Int, reflect.Int32, reflect.Int64:
		c.number(v.Int())
	case reflect.Uint8, reflect.Uint64:
		c.number(int64(v.Uint()))
	case reflect.Pointer:
		if c.flag(!v.IsNil()); v.IsNil() {
			return
		}
		if v.Type() == tracks {
			c.track(v.Interface().(*strategies.Track))
			return
		}
		c.value(v.Elem())
	case reflect.Slice:
		c.number(int64(v.Len()))
		if v.Type().Elem().Kind() == reflect.Uint8 {
			c.b = append(c.b, v.Bytes()...)
			return
		}
		for i := range v.Len() {
			c.value(v.Index(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		c.number(int64(len(keys)))
		for _, key := range keys {
			c.text(key.String())
			c.value(v.MapIndex(key))
		}
	case reflect.Struct:
		if v.Type() == moments {
			c.moment(v.Interface().(time.Time))
			return
		}
		for i := range v.NumField() {
			c.value(v.Field(i))
		}
	default:
		panic("a state has no " + v.Kind().String())
	}
}
