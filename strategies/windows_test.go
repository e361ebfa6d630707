package strategies

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // what the binary has

	"github.com/robfig/cron/v3"
	"pgregory.net/rapid"
)

// moment reads "2026-03-29 02:30:00 Europe/Madrid", or a time in UTC.
func moment(t *testing.T, text string) time.Time {
	t.Helper()
	var day, clock, name string
	if n, _ := fmt.Sscan(text, &day, &clock, &name); n < 3 {
		name = "UTC"
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation(time.DateTime, day+" "+clock, loc)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Windows hold the weight back (SPEC 3.5).
func TestClosed(t *testing.T) {
	const (
		madrid    = "Europe/Madrid"
		newYork   = "America/New_York"
		kathmandu = "Asia/Kathmandu" // 5:45 before UTC
	)
	allow := func(schedule string, stays time.Duration, zone string) Window {
		return Window{Schedule: schedule, Duration: stays, TimeZone: zone}
	}
	freeze := func(schedule string, stays time.Duration, zone string) Window {
		return Window{Schedule: schedule, Duration: stays, TimeZone: zone, Freeze: true}
	}
	type asked struct{ at, opens string } // opens: "" = it is open, "never" = not within a year
	for _, c := range []struct {
		what    string
		windows []Window
		asked   []asked
	}{
		{"no windows", nil, []asked{{"2026-03-29 00:00:00", ""}}},
		{"working hours in UTC, the first second in and the last out", []Window{allow("0 9 * * 1-5", 8*time.Hour, "")}, []asked{
			{"2026-03-02 08:59:59", "2026-03-02 09:00:00"},
			{"2026-03-02 09:00:00", ""},
			{"2026-03-02 16:59:59", ""},
			{"2026-03-02 17:00:00", "2026-03-03 09:00:00"},
			{"2026-03-06 17:00:00", "2026-03-09 09:00:00"}, // Friday to Monday
		}},
		{"a freeze is closed from its first second, and its end is open", []Window{freeze("0 9 * * 1-5", 8*time.Hour, "")}, []asked{
			{"2026-03-02 08:59:59", ""},
			{"2026-03-02 09:00:00", "2026-03-02 17:00:00"},
			{"2026-03-02 16:59:59", "2026-03-02 17:00:00"},
			{"2026-03-02 17:00:00", ""},
		}},
		{"working hours follow the wall clock into summer", []Window{allow("0 9 * * *", 8*time.Hour, madrid)}, []asked{
			{"2026-03-28 18:00:00 " + madrid, "2026-03-29 07:00:00"},
			{"2026-03-27 18:00:00 " + madrid, "2026-03-28 08:00:00"},
			{"2026-10-24 18:00:00 " + madrid, "2026-10-25 08:00:00"},
			{"2026-10-23 18:00:00 " + madrid, "2026-10-24 07:00:00"},
		}},
		{"a time that the clocks jump over is when they jump", []Window{allow("30 2 * * *", time.Hour, madrid)}, []asked{
			{"2026-03-28 12:00:00 " + madrid, "2026-03-29 01:00:00"}, // 02:00 is 03:00
			{"2026-03-29 00:59:59", "2026-03-29 01:00:00"},
			{"2026-03-29 01:59:59", ""},
			{"2026-03-29 02:00:00", "2026-03-30 00:30:00"},
		}},
		{"and in New York", []Window{freeze("30 2 * * *", 20*time.Minute, newYork)}, []asked{
			{"2026-03-08 06:59:59", ""},
			{"2026-03-08 07:00:00", "2026-03-08 07:20:00"},
			{"2026-03-08 07:20:00", ""},
		}},
		{"03:00 on the day without 02:00", []Window{allow("0 3 * * *", time.Hour, madrid)}, []asked{
			{"2026-03-29 00:59:59", "2026-03-29 01:00:00"},
			{"2026-03-29 02:00:00", "2026-03-30 01:00:00"},
		}},
		{"the last moment before the jump stays what it was", []Window{allow("59 1 * * *", 2*time.Minute, madrid)}, []asked{
			{"2026-03-29 00:58:59", "2026-03-29 00:59:00"},
			{"2026-03-29 01:00:59", ""},
			{"2026-03-29 01:01:00", "2026-03-29 23:59:00"},
		}},
		{"a time that comes twice begins twice", []Window{allow("30 2 * * *", 10*time.Minute, madrid)}, []asked{
			{"2026-10-25 00:00:00", "2026-10-25 00:30:00"},
			{"2026-10-25 00:40:00", "2026-10-25 01:30:00"},
			{"2026-10-25 01:30:00", ""},
			{"2026-10-25 01:40:00", "2026-10-26 01:30:00"},
		}},
		{"for an hour it stays until the wall clock says so for good", []Window{freeze("30 2 * * *", time.Hour, madrid)}, []asked{
			{"2026-10-25 00:29:59", ""},
			{"2026-10-25 00:30:00", "2026-10-25 02:30:00"},
			{"2026-10-25 01:30:00", "2026-10-25 02:30:00"},
		}},
		{"01:30 twice in New York", []Window{allow("30 1 1 11 *", time.Minute, newYork)}, []asked{
			{"2026-10-01 00:00:00", "2026-11-01 05:30:00"},
			{"2026-11-01 05:31:00", "2026-11-01 06:30:00"},
			{"2026-11-01 06:31:00", "2027-11-01 05:30:00"},
		}},
		{"the hour that begins when the clocks go back", []Window{allow("0 2 * * *", time.Minute, madrid)}, []asked{
			{"2026-10-25 00:01:00", "2026-10-25 01:00:00"},
			{"2026-10-25 01:01:00", "2026-10-26 01:00:00"},
		}},
		{"an hour is an hour across the change", []Window{allow("30 1 * * *", time.Hour, madrid)}, []asked{
			{"2026-03-29 01:29:59", ""}, // 03:29:59 on the wall
			{"2026-03-29 01:30:00", "2026-03-29 23:30:00"},
		}},
		{"clocks that move by half an hour", []Window{allow("0 2 * * *", time.Minute, "Australia/Lord_Howe")}, []asked{
			{"2026-04-04 14:00:00", "2026-04-04 15:30:00"}, // 02:00 became 01:30, and comes for good
			{"2026-10-03 12:00:00", "2026-10-03 15:30:00"}, // 02:00 is 02:30
		}},
		{"a zone of quarters", []Window{allow("0 9 * * *", time.Hour, kathmandu)}, []asked{
			{"2026-03-29 03:14:59", "2026-03-29 03:15:00"},
			{"2026-03-29 03:15:00", ""},
			{"2026-03-29 04:15:00", "2026-03-30 03:15:00"},
		}},
		{"windows longer than their period are one", []Window{allow("* * * * *", time.Hour, "")}, []asked{
			{"2026-03-29 00:00:00", ""}, {"2026-03-29 00:59:59", ""},
		}},
		{"every minute", []Window{freeze("* * * * *", time.Minute, madrid)}, []asked{{"2026-03-29 00:00:00", "never"}}},
		{"a freeze that begins anew before it ends is never over", []Window{freeze("0 0 * * *", 24*time.Hour, "")}, []asked{
			{"2026-03-29 12:00:00", "never"},
		}},
		{"every ten minutes of two months", []Window{freeze("*/10 * * 1-2 *", 10*time.Minute, "")}, []asked{
			{"2026-01-01 00:00:00", "2026-03-01 00:00:00"},
		}},
		{"freezes that touch leave no gap", []Window{freeze("0 8 * * *", 4*time.Hour, ""), freeze("0 12 * * *", time.Hour, ""), freeze("30 11 * * *", 10*time.Minute, "")}, []asked{
			{"2026-03-29 07:59:59", ""},
			{"2026-03-29 08:00:00", "2026-03-29 13:00:00"},
			{"2026-03-29 12:00:00", "2026-03-29 13:00:00"},
		}},
		{"a freeze inside working hours, across zones", []Window{allow("0 9 * * *", 8*time.Hour, madrid), freeze("0 10 * * *", time.Hour, "")}, []asked{
			{"2026-03-02 06:00:00", "2026-03-02 08:00:00"},
			{"2026-03-02 10:00:00", "2026-03-02 11:00:00"},
			{"2026-03-02 16:00:00", "2026-03-03 08:00:00"},
		}},
		{"a freeze over the beginning of what allows", []Window{allow("0 9 * * *", time.Hour, ""), freeze("0 8 * * 1", 3*time.Hour, "")}, []asked{
			{"2026-03-02 07:00:00", "2026-03-03 09:00:00"},
		}},
		{"two that allow", []Window{allow("0 9 * * *", time.Hour, ""), allow("30 9 * * *", time.Hour, "")}, []asked{
			{"2026-03-02 10:29:59", ""},
			{"2026-03-02 10:30:00", "2026-03-03 09:00:00"},
		}},
		{"a freeze over all that allows", []Window{allow("0 9 * * *", time.Hour, ""), freeze("0 9 * * *", time.Hour, "")}, []asked{
			{"2026-03-02 09:00:00", "never"},
		}},
		{"a day that comes in four years", []Window{allow("0 0 29 2 *", time.Hour, "")}, []asked{
			{"2026-03-02 09:00:00", "never"},
			{"2027-03-01 09:00:00", "2028-02-29 00:00:00"},
		}},
		{"what cannot be read never allows", []Window{allow("soon", time.Hour, "")}, []asked{{"2026-03-02 09:00:00", "never"}}},
		{"and always freezes", []Window{freeze("0 9 * * *", time.Hour, "Mars/Olympus")}, []asked{{"2026-03-02 09:00:00", "never"}}},
	} {
		for _, a := range c.asked {
			at := moment(t, a.at)
			shut, opens := closed(c.windows, at)
			got := opens.Format(time.DateTime)
			switch {
			case !shut && opens.IsZero():
				got = ""
			case shut && opens.IsZero():
				got = "never"
			}
			if got != a.opens {
				t.Errorf("%s, at %s: opens %q, want %q", c.what, a.at, got, a.opens)
			}
		}
	}
}

// covered looks at every minute in which a window may have begun: another way to the same
// answer.
func covered(w Window, at time.Time) bool {
	parsed, _ := fiveFields.Parse(w.Schedule)
	spec := parsed.(*cron.SpecSchedule)
	loc, _ := time.LoadLocation(w.TimeZone)
	matches := func(wall time.Time) bool {
		dom, dow := spec.Dom>>uint(wall.Day())&1 == 1, spec.Dow>>uint(wall.Weekday())&1 == 1
		day := dom || dow
		if const63 := uint64(1) << 63; spec.Dom&const63 > 0 || spec.Dow&const63 > 0 {
			day = dom && dow
		}
		return day && spec.Month>>uint(wall.Month())&1 == 1 && spec.Hour>>uint(wall.Hour())&1 == 1 && spec.Minute>>uint(wall.Minute())&1 == 1
	}
	for m := at.Truncate(time.Minute); m.After(at.Add(-w.Duration)); m = m.Add(-time.Minute) {
		here := m.In(loc)
		if matches(here) {
			return true
		}
		_, was := here.Add(-time.Minute).Zone()
		_, is := here.Zone()
		for skipped := was; skipped < is; skipped += 60 { // the minutes that the clocks jump over
			if matches(m.UTC().Add(time.Duration(skipped) * time.Second)) {
				return true
			}
		}
	}
	return false
}

// opens is really open, and nothing before it is (SPEC 3.5).
func TestClosedUntilItOpens(t *testing.T) {
	open := func(windows []Window, at time.Time) bool {
		allows, allowed := false, false
		for _, w := range windows {
			in := covered(w, at)
			if w.Freeze && in {
				return false
			}
			allows, allowed = allows || !w.Freeze, allowed || !w.Freeze && in
		}
		return allowed || !allows
	}
	changes := []time.Time{ // of the clocks, and a day without one
		time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC),
		time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 15, 30, 0, 0, time.UTC),
		time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC),
	}
	window := rapid.Custom(func(t *rapid.T) Window {
		return Window{
			Schedule: rapid.SampledFrom([]string{"0", "30", "*/20", "*", "59"}).Draw(t, "minute") + " " +
				rapid.SampledFrom([]string{"*", "1-3", "2", "0", "*/5", "9"}).Draw(t, "hour") + " " +
				rapid.SampledFrom([]string{"* * *", "* * 0", "* * 1-5", "1 * *", "25-31 3,10 *"}).Draw(t, "day"),
			Duration: time.Duration(rapid.SampledFrom([]int{1, 7, 30, 60, 90, 600, 1440, 2000}).Draw(t, "minutes"))*time.Minute +
				time.Duration(rapid.IntRange(0, 2).Draw(t, "seconds"))*time.Second,
			TimeZone: rapid.SampledFrom([]string{"", "Europe/Madrid", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"}).Draw(t, "zone"),
			Freeze:   rapid.Bool().Draw(t, "freeze"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		windows := rapid.SliceOfN(window, 0, 4).Draw(t, "windows")
		at := rapid.SampledFrom(changes).Draw(t, "near").Add(time.Duration(rapid.IntRange(-200_000, 100_000).Draw(t, "seconds away")) * time.Second)
		shut, opens := closed(windows, at)
		if shut == open(windows, at) {
			t.Fatalf("closed %v at %s", shut, at)
		}
		if !shut && !opens.IsZero() {
			t.Fatalf("open, and opens at %s", opens)
		}
		if !shut {
			return
		}
		until := opens
		if opens.IsZero() {
			until = at.AddDate(0, 0, 14)
		} else {
			if !opens.After(at) || !open(windows, opens) {
				t.Fatalf("not open at %s", opens)
			}
			if open(windows, opens.Add(-time.Nanosecond)) {
				t.Fatalf("open before %s", opens)
			}
		}
		for range 30 {
			between := at.Add(time.Duration(rapid.Int64Range(0, int64(until.Sub(at))-1).Draw(t, "between")))
			if open(windows, between) {
				t.Fatalf("open at %s, before %s", between, opens)
			}
		}
	})
}

// Half a schedule, and what only the parser takes for one, is told and stops nothing.
func FuzzSchedule(f *testing.F) {
	for _, s := range []string{"0 9 * * 1-5", "TZ=", "CRON_TZ=Europe/Madrid 0 9 * * *", "@daily", "*/0 * * * *", "0 0 30 2 *", ""} {
		f.Add(s, "Europe/Madrid", int64(time.Hour))
	}
	f.Fuzz(func(t *testing.T, text, name string, stays int64) {
		w := Window{Schedule: text, TimeZone: name, Duration: time.Duration(stays)}
		if stays <= 0 || w.Duration > maxWindow {
			return // no such window is read
		}
		at := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
		shut, opens := closed([]Window{w}, at)
		if again, _ := closed([]Window{w}, opens); !opens.IsZero() && (!shut || again) {
			t.Errorf("%+v: closed %v, opens %s, closed then: %v", w, shut, opens, again)
		}
	})
}
