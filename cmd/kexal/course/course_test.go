package course_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/strategies"
)

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const header = "apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec:\n"

// canary is a rollout.yaml with these steps.
func canary(steps ...string) string {
	return header + "  strategy:\n    canary:\n      steps:\n      - " + strings.Join(steps, "\n      - ") + "\n"
}

// follow plays a rollout.yaml with so many pods.
func follow(t *testing.T, file string, replicas int32, o course.Options) course.Course {
	t.Helper()
	old, next := course.Releases("web", replicas, []string{"web"})
	play, err := course.Begin(course.Setting{File: file, Old: old, New: next, At: midnight, Start: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	o.Name, o.File = "web", file
	c, err := course.Follow(play, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func when(t *testing.T, text string) *course.When {
	t.Helper()
	w, err := course.ParseWhen(text)
	if err != nil {
		t.Fatal(err)
	}
	if w.String() != text {
		t.Errorf("%q is read as %q", text, w)
	}
	return &w
}

// lines are the course's moments in short.
func lines(c course.Course) string {
	var b bytes.Buffer
	if err := c.WriteMarkdown(&b); err != nil {
		panic(err)
	}
	return b.String()
}

// A person promotes at the gate, a minute after it is reached: the whole of a canary
// (SPEC 5.9, 5.15, 5.16).
func TestCanary(t *testing.T) {
	c := follow(t, canary("setWeight: 20", "pause: {duration: 10s}", "setWeight: 50", "pause: {}"), 5, course.Options{PromoteAfter: time.Minute})
	golden(t, "testdata/canary.md", lines(c))
	if c := follow(t, canary("setWeight: 20"), 5, course.Options{Fail: when(t, "promotion")}); !strings.Contains(lines(c), "| nobody answers users |\n") || !strings.Contains(lines(c), "| all users reach oldrelease |\n") {
		t.Errorf("an outage has a beginning and an end:\n%s", lines(c))
	}
	gates := map[course.Gate]string{}
	for _, m := range c.Moments {
		if m.Gate != course.NoGate {
			gates[m.Gate] = m.Who + " " + m.Command
		}
	}
	if gates[course.Time] != " " || gates[course.Person] != "a person kexal promote web" || len(gates) != 2 {
		t.Errorf("gates: %q", gates)
	}
}

// What fails, and when: how it ends, and who has the users then.
func TestFail(t *testing.T) {
	file := canary("setWeight: 20", "pause: {duration: 30s}", "setWeight: 50", "pause: {duration: 10m}")
	for _, test := range []struct {
		at     string
		reason strategies.Reason
		says   string
		live   int
	}{
		{"start", strategies.Rejected, "newrelease never become ready", 0},       // SPEC 5.23
		{"step=2", strategies.Rejected, "no progress in 10m0s", 0},               //
		{"step=4+1m", strategies.Rejected, "no progress in 10m0s", 0},            //
		{"20s", strategies.Rejected, "no progress in 10m0s", 0},                  //
		{"promotion+12s", strategies.Rejected, "crashed after the promotion", 0}, // SPEC 5.16
		{"promotion+10m", strategies.Stable, "nobody answers users", 0},          // nobody watches any more
	} {
		c := follow(t, file, 5, course.Options{Fail: when(t, test.at)})
		if last := c.Last(); last.Reason != test.reason || last.Live != test.live || !strings.Contains(lines(c), test.says) {
			t.Errorf("%s:\n%s", test.at, lines(c))
		}
	}
}

// A person aborts: before the promotion and while it is watched (SPEC 4.5), and too late.
func TestAbort(t *testing.T) {
	file := canary("setWeight: 20", "pause: {duration: 30s}")
	for at, want := range map[string]strategies.Reason{
		"0s": strategies.Aborted, "start+2s": strategies.Aborted, "step=1": strategies.Aborted, "12s": strategies.Aborted, "promotion+12s": strategies.Aborted,
		"promotion+10m": strategies.Stable,
	} {
		c := follow(t, file, 5, course.Options{Abort: when(t, at)})
		if c.Last().Reason != want || !strings.Contains(lines(c), "kexal abort web") {
			t.Errorf("%s:\n%s", at, lines(c))
		}
		if late := strings.Contains(lines(c), "in vain"); late != (want == strategies.Stable) {
			t.Errorf("%s: in vain %v", at, late)
		}
	}
}

// Nobody promotes: it stays at the gate, and says so. Nor does anybody promote what crashes.
func TestWaitsForEver(t *testing.T) {
	file := canary("setWeight: 40", "pause: {}")
	for _, o := range []course.Options{{Nobody: true}, {PromoteAfter: time.Minute, Fail: when(t, "step=2+10s")}} {
		c := follow(t, file, 5, o)
		if c.Last().Reason != strategies.WaitingForPromote || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "waits for ever") {
			t.Errorf("%s\n%q", lines(c), c.Warnings)
		}
	}
	c := follow(t, file+"  paused: true\n", 5, course.Options{})
	if c.Last().Reason != strategies.PausedByIntent || c.Last().Gate != course.Person || len(c.Warnings) != 1 {
		t.Errorf("%s\n%q", lines(c), c.Warnings)
	}
}

// What the counts make of the weights (SPEC 5.9), and moments that never come.
func TestWarnings(t *testing.T) {
	steps := canary("setWeight: 10", "setWeight: 20", "setWeight: 50")
	for _, test := range []struct {
		file     string
		replicas int32
		options  course.Options
		want     []string
	}{
		{steps, 10, course.Options{}, nil},
		{steps, 4, course.Options{}, []string{"setWeight 10 and setWeight 20 come to the same 20% with 4 pods"}},
		{steps, 1, course.Options{}, []string{"one pod: setWeight 10 means 50%, setWeight 20 means 50%, setWeight 50 means 50%"}},
		{strings.Replace(steps, "      steps", "      maxSurge: 0\n      steps", 1), 1, course.Options{},
			[]string{"nobody answers users for 5s: raise maxSurge, so that a new pod comes before an old one goes", "one pod: setWeight 10 means nothing, setWeight 20 means nothing, setWeight 50 means nothing"}},
		{canary("setWeight: 5"), 5, course.Options{}, []string{"setWeight 5 comes to 17% with 5 pods"}},
		{steps, 10, course.Options{Fail: when(t, "start"), Abort: when(t, "promotion")}, []string{"a person aborts at promotion: that moment never came"}},
		{header + "  strategy: {blueGreen: {}}\n", 1, course.Options{}, nil},
	} {
		if c := follow(t, test.file, test.replicas, test.options); !slices.Equal(c.Warnings, test.want) {
			t.Errorf("%d pods: %q, not %q\n%s", test.replicas, c.Warnings, test.want, lines(c))
		}
	}
}

// A course begins anywhere: here at a gate that a rollout stands at already.
func TestFromAGate(t *testing.T) {
	file := canary("setWeight: 40", "pause: {}")
	old, next := course.Releases("web", 5, []string{"web"})
	play, err := course.Begin(course.Setting{File: file, Old: old, New: next, At: midnight, Start: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := play.RunFor(time.Hour); err != nil {
		t.Fatal(err)
	}
	c, err := course.Follow(play, course.Options{Name: "web", File: file, PromoteAfter: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if first := c.Moments[0]; first.After != time.Minute || first.What != "a person says yes: kexal promote web" || c.Old != "oldrelease" || c.Last().Reason != strategies.Stable {
		t.Errorf("%s", lines(c))
	}
}

// A push in mid-rollout: of a newer revision (SPEC 2.5), of what is stable (SPEC 2.6), and of
// what runs already.
func TestPushInMidRollout(t *testing.T) {
	file := canary("setWeight: 40", "pause: {}")
	old, next := course.Releases("web", 5, []string{"web"})
	newer := next
	newer.Revision = "newestofall"
	for _, test := range []struct {
		pushed   strategies.Wanted
		old, end string
		live     int
	}{
		{newer, "oldrelease", "newestofall is stable", 100},
		{old, "newrelease", "oldrelease is stable", 100},
		{next, "oldrelease", "newrelease is stable", 100},
	} {
		play, err := course.Begin(course.Setting{File: file, Old: old, New: next, At: midnight, Start: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if err := play.RunFor(time.Minute); err != nil {
			t.Fatal(err)
		}
		play.Git.Push(test.pushed)
		c, err := course.Follow(play, course.Options{Name: "web", File: file})
		if err != nil {
			t.Fatal(err)
		}
		if last := c.Last(); c.Old != test.old || c.New != test.pushed.Revision || last.What != test.end || last.Live != test.live || last.Old.Asked != 0 || last.New.Ready != 5 {
			t.Errorf("%s", lines(c))
		}
	}
	play, err := course.Begin(course.Setting{File: file, Old: old, New: old, At: midnight, Start: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c, err := course.Follow(play, course.Options{Name: "web", File: file})
	if err != nil {
		t.Fatal(err)
	}
	if c.Last().What != "oldrelease is stable" || c.Took != 0 || c.Last().Live != 100 || !strings.Contains(lines(c), "oldrelease is what runs") {
		t.Errorf("%s", lines(c))
	}
}

// A first release has no old one, and no gates (SPEC 2.4).
func TestFirstRelease(t *testing.T) {
	file := canary("setWeight: 40", "pause: {}")
	_, next := course.Releases("web", 5, []string{"web"})
	play, err := course.Begin(course.Setting{File: file, New: next, At: midnight, Start: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c, err := course.Follow(play, course.Options{Name: "web", File: file})
	if err != nil {
		t.Fatal(err)
	}
	if c.Old != "" || c.Rest != 0 || c.Peak != 5 || c.Last().Live != 100 || c.Last().Reason != strategies.Stable || strings.Contains(lines(c), "nobody answers") {
		t.Errorf("%s", lines(c))
	}
}

// A worker has no Services: its weight is its share of the pods.
func TestWorker(t *testing.T) {
	file := canary("setWeight: 40", "pause: {duration: 1m}")
	old, next := course.Releases("web", 5, nil)
	play, err := course.Begin(course.Setting{File: file, Old: old, New: next, At: midnight, Start: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c, err := course.Follow(play, course.Options{Name: "web", File: file})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(lines(c), "| 40% | 3 | 2 | step 2 of 2") || c.Last().Live != 100 {
		t.Errorf("%s", lines(c))
	}
}

// A router carries any weight, and analyses are taken to pass (SPEC 3.5).
func TestRouterAndAnalysis(t *testing.T) {
	file := header + "  strategy:\n    canary:\n      trafficRouting: {nginx: {stableIngress: web}}\n      steps:\n" +
		"      - setWeight: 5\n      - analysis: {templates: [{templateName: errors}]}\n"
	c := follow(t, file, 5, course.Options{})
	gates := 0
	for _, m := range c.Moments {
		if m.Gate == course.Analysis && m.Live == 5 && m.Old.Ready == 5 {
			gates++
		}
	}
	if gates == 0 || c.Last().Reason != strategies.Stable || len(c.Warnings) != 0 || !slices.Contains(c.Assumed, "analyses pass after a minute") {
		t.Errorf("%s\n%q", lines(c), c.Assumed)
	}
}

// A quota that lets no pod be added starves the candidate, and the deadline rejects it.
func TestQuota(t *testing.T) {
	file := canary("setWeight: 40", "pause: {duration: 1m}")
	old, next := course.Releases("web", 5, []string{"web"})
	play, err := course.Begin(course.Setting{File: file, Old: old, New: next, At: midnight, Start: time.Second, Quota: 5})
	if err != nil {
		t.Fatal(err)
	}
	c, err := course.Follow(play, course.Options{Name: "web", File: file})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(lines(c), "exceeded quota") || c.Last().Live != 0 || !slices.Equal(c.Warnings, []string{"the quota is 5 pods, and 8 are needed at once"}) {
		t.Errorf("%s", lines(c))
	}
}

// Machines read these keys.
func TestJSON(t *testing.T) {
	c := follow(t, canary("setWeight: 20", "pause: {}"), 5, course.Options{Nobody: true})
	var b bytes.Buffer
	if err := c.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Kind, Rollout, Strategy, Old, New string
		Phase, Reason                     string
		Steps, Replicas                   int
		Seconds                           float64
		Pods                              struct{ Rest, Peak int }
		Moments                           []struct {
			Seconds     float64
			At          time.Time
			What        string
			Step        strategies.Position
			Weight      struct{ Asked, Live int }
			Old, New    course.Pods
			Gate        struct{ For, Who, Command string }
			Kind, Phase string
			Reason      string
			Until       *time.Time
		}
		Assumed    []string
		Warnings   []string
		Pushed     time.Time
		APIVersion string
	}
	dec := json.NewDecoder(&b)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	last := doc.Moments[len(doc.Moments)-1]
	if doc.Kind != "RolloutCourse" || doc.APIVersion != strategies.APIVersion || doc.Seconds != last.Seconds || doc.Reason != "WaitingForPromote" ||
		last.Gate.For != "person" || last.Gate.Command != "kexal promote web" || last.Weight.Live != 20 || last.Weight.Asked != 20 || last.New.Ready != 1 || len(doc.Warnings) != 1 {
		t.Errorf("%+v", doc)
	}
}

// The chart and the timeline, with and without the characters of a UTF-8 terminal.
func TestText(t *testing.T) {
	c := follow(t, canary("setWeight: 20", "pause: {duration: 10s}", "setWeight: 50", "pause: {duration: 10s}"), 5, course.Options{})
	for _, look := range []course.Look{{Width: 60}, {Width: 60, ASCII: true, Fold: true}} {
		var b bytes.Buffer
		if err := c.WriteText(&b, look); err != nil {
			t.Fatal(err)
		}
		name := "testdata/utf8.txt"
		if look.ASCII {
			name = "testdata/ascii.txt"
			if i := bytes.IndexFunc(b.Bytes(), func(r rune) bool { return r > 127 }); i >= 0 {
				t.Errorf("not ASCII: %q", b.Bytes()[i:i+3])
			}
		}
		golden(t, name, b.String())
	}
}

// rewrite takes what is told now as what should be (`make accept`): read the diff.
var rewrite = flag.Bool("rewrite", false, "write down what is told")

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s", name, got)
	}
}

func TestParseWhen(t *testing.T) {
	for _, text := range []string{"start", "step=3", "step=3+20s", "90s", "promotion", "promotion+12s", "0s", "5m", "1h"} {
		if w, err := course.ParseWhen(text); err != nil {
			t.Error(err)
		} else if again, err := course.ParseWhen(w.String()); err != nil || again != w {
			t.Errorf("%s is told as %s", text, w)
		}
	}
	for _, text := range []string{"", "step", "step=0", "step=x", "-3s", "promotion-3s", "promotion+-3s", "+3s", "step=1+", "end"} {
		if w, err := course.ParseWhen(text); err == nil {
			t.Errorf("%q is read as %s", text, w)
		}
	}
}
