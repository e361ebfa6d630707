package course_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/strategies"
	"pgregory.net/rapid"
)

// Whatever a rollout.yaml says and whatever goes wrong: the course comes to an end, its
// moments follow each other, and who wanted to be stable has all users or none.
func TestAnyCourse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		when := func(label string) *course.When {
			if !rapid.Bool().Draw(t, label) {
				return nil
			}
			w := course.When{From: rapid.SampledFrom([]course.From{course.AtPush, course.AtStart, course.AtStep, course.AtPromotion}).Draw(t, label+" from")}
			w.Later = time.Duration(rapid.IntRange(0, 90).Draw(t, label+" later")) * time.Second
			if w.From == course.AtStep {
				w.Step = rapid.IntRange(1, 4).Draw(t, label+" step")
			}
			return &w
		}
		replicas := rapid.Int32Range(0, 12).Draw(t, "replicas")
		file := rollouts(t)
		o := course.Options{Name: "web", File: file, Nobody: rapid.Bool().Draw(t, "nobody"), PromoteAfter: time.Minute, Fail: when("fail"), Abort: when("abort")}
		services := rapid.SampledFrom([][]string{nil, {"web"}, {"web", "web-grpc"}}).Draw(t, "services")
		if strings.Contains(file, "trafficRouting") && services == nil {
			services = []string{"web"} // a router leads to Services
		}
		old, next := course.Releases("web", replicas, services)
		play, err := course.Begin(course.Setting{File: file, Old: old, New: next, At: midnight, Start: 3 * time.Second})
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		c, err := course.Follow(play, o)
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		for i, m := range c.Moments {
			if m.What == "" || m.Live < 0 || m.Live > 100 || i > 0 && m.After < c.Moments[i-1].After {
				t.Fatalf("%+v\n%s", m, lines(c))
			}
		}
		last := c.Last()
		switch {
		case o.Fail == nil && o.Abort == nil && !o.Nobody && (last.Reason != strategies.Stable || last.Live != 100):
			t.Fatalf("nothing went wrong:\n%s\n%s", file, lines(c))
		case last.Phase == strategies.Degraded && last.Live != 0:
			t.Fatalf("it went back:\n%s\n%s", file, lines(c))
		case c.Peak < c.Rest || last.Phase == strategies.Progressing && o.Fail == nil:
			t.Fatalf("%s\n%s", file, lines(c))
		}
	})
}

// rollouts are rollout.yaml files of every strategy.
func rollouts(t *rapid.T) string {
	switch rapid.SampledFrom([]string{"canary", "routed", "blueGreen", "rollingUpdate"}).Draw(t, "strategy") {
	case "blueGreen":
		return header + fmt.Sprintf("  strategy: {blueGreen: {autoPromotionEnabled: %v, previewReplicaCount: %d}}\n",
			rapid.Bool().Draw(t, "auto"), rapid.IntRange(0, 3).Draw(t, "preview"))
	case "rollingUpdate":
		return header + "  strategy: {rollingUpdate: {}}\n"
	case "routed":
		return strings.Replace(steps(t), "      steps:", "      trafficRouting: {nginx: {stableIngress: web}}\n      steps:", 1)
	}
	return steps(t)
}

func steps(t *rapid.T) string {
	return canary(rapid.SliceOfN(rapid.SampledFrom([]string{
		"setWeight: 0", "setWeight: 10", "setWeight: 50", "setWeight: 100", "pause: {duration: 20s}", "pause: {}", "analysis: {templates: [{templateName: errors}]}",
	}), 1, 5).Draw(t, "steps")...)
}
