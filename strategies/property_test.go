package strategies_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"github.com/kexal/kexal/strategies"
)

// TestPromises plays random rollouts in a random world: pods that fail, people who push,
// abort and edit, agents that die. Whatever happens every promise is kept, and when the
// troubles end the rollout comes to rest with somebody to answer its users. A failure
// prints the seed that repeats it, and the story, to be kept below testdata.
func TestPromises(t *testing.T) {
	checks := "300"
	if raced {
		checks = "80" // without the race detector `make worlds` plays all
	}
	for name, value := range map[string]string{"rapid.checks": checks, "rapid.nofailfile": "true"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() == f.DefValue {
			if err := f.Value.Set(value); err != nil {
				t.Fatal(err)
			}
		}
	}
	rapid.Check(t, playAnything)
}

func playAnything(t *rapid.T) {
	p := newStory()
	var story []string
	tell := func(line, input string) {
		told := line
		if input != "" {
			told += "\n" + input
		}
		story = append(story, told+"\n----")
		cmd, args, err := datadriven.ParseLine(line)
		if err == nil {
			_, err = p.tell(cmd, args, input)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if p.broken != nil {
			t.Fatalf("%v\n\n%s\n\n%s", p.broken, strings.Join(story, "\n\n"), p.said)
		}
	}
	tell("rollout", anySpec(t, true))
	n := rapid.IntRange(1, 6).Draw(t, "replicas")
	services := rapid.SampledFrom([]string{"web", "web,web-grpc"}).Draw(t, "services")
	tell(fmt.Sprintf("push rev=a1 replicas=%d services=%s", n, services), "")
	tell("run", "")
	if p.play.State().Stable == nil { // it waits at its gate
		tell("intent promote=a1", "")
		tell("run", "")
		tell("intent", "")
	}
	wanted, innocent := "a1", true                                      // innocent: no pod was bad, nobody aborted, no hand and no server stood in the way
	there := func() bool { return p.play.World.Services["web"] != nil } // a hand may have deleted it
	for range rapid.IntRange(1, 10).Draw(t, "events") {
		color := rapid.SampledFrom([]string{"blue", "green"})
		switch rapid.IntRange(0, 24).Draw(t, "event") {
		case 0, 1, 2:
			wanted = rapid.SampledFrom([]string{"a1", "b2", "c3"}).Draw(t, "revision")
			tell("push rev="+wanted, "")
		case 3:
			n = rapid.IntRange(0, 6).Draw(t, "replicas")
			tell(fmt.Sprintf("push replicas=%d", n), "")
		case 4:
			tell(fmt.Sprintf("pods %s unready n=%d", color.Draw(t, "color"), rapid.IntRange(1, 2).Draw(t, "bad")), "")
		case 5:
			tell("pods "+color.Draw(t, "color")+" ready", "")
		case 6:
			tell(fmt.Sprintf("pods %s slow=%ds", color.Draw(t, "color"), rapid.IntRange(0, 20).Draw(t, "seconds")), "")
		case 7:
			tell("intent abort="+wanted, "")
		case 8:
			tell("intent "+rapid.SampledFrom([]string{"", "paused", "promote=" + wanted, "promote=" + wanted + " step=2", "promote=" + wanted + " full"}).Draw(t, "intent"), "")
		case 9:
			tell("die "+rapid.SampledFrom([]string{"before-record", "after-record", "after-act=1", "after-act=2"}).Draw(t, "death"), "")
		case 10:
			tell("restart", "")
		case 11:
			tell(rapid.SampledFrom([]string{"hold a mistake", "release", "git unread", "git read"}).Draw(t, "git"), "")
		case 12:
			if services != "web" || !there() {
				continue
			}
			tell("edit service=web selects="+rapid.SampledFrom([]string{"both", "other"}).Draw(t, "selects"), "")
		case 13:
			tell("rollout", anySpec(t, false))
		case 14:
			if !there() {
				continue
			}
			tell("edit service=web "+rapid.SampledFrom([]string{"refuses", "refuses late", "accepts"}).Draw(t, "server"), "")
		case 15:
			if !there() {
				continue
			}
			tell("edit service=web overlaps", "")
		case 16:
			c := strategies.Color(color.Draw(t, "color"))
			if p.play.World.Slots["web"][c] == nil {
				continue
			}
			tell(fmt.Sprintf("edit deployment=%s replicas=%d", c, rapid.IntRange(1, 8).Draw(t, "pods")), "")
		case 17:
			tell("git "+rapid.SampledFrom([]string{"gone", "back"}).Draw(t, "file"), "")
		case 18:
			if !there() {
				continue
			}
			tell("edit service=web gone", "")
		case 20:
			if p.play.World.Router == nil {
				continue
			}
			tell("edit router "+rapid.SampledFrom([]string{"weight=0", "weight=30", "weight=100", "refuses", "accepts"}).Draw(t, "router"), "")
		case 21:
			tell("analysis "+rapid.SampledFrom([]string{"step-2", "step-3", "background", "pre-promotion", "post-promotion"}).Draw(t, "where")+" "+
				rapid.SampledFrom([]string{"successful after=5s", "failed after=8s", "inconclusive after=3s", "error after=20s", "running"}).Draw(t, "verdict"), "")
		case 22:
			c := strategies.Color(color.Draw(t, "color"))
			if d := p.play.World.Slots["web"][c]; d == nil || d.Desired == 0 {
				continue
			}
			tell(fmt.Sprintf("edit deployment=%s %s", c, rapid.SampledFrom([]string{"template", "rolls=1", "unpaused"}).Draw(t, "hand")), "")
		case 23:
			if len(p.play.State().Rejected) == 0 {
				continue
			}
			tell(fmt.Sprintf("intent retry=%s attempt=%d", wanted, rapid.IntRange(2, 4).Draw(t, "attempt")), "")
		case 24:
			tell("quota pods="+rapid.SampledFrom([]string{"7", "none"}).Draw(t, "quota"), "")
		case 19:
			tell("controllers late="+rapid.SampledFrom([]string{"0s", "400ms", "4s"}).Draw(t, "late"), "")
		}
		if last := story[len(story)-1]; strings.Contains(last, "unready") || strings.Contains(last, "abort=") || strings.HasPrefix(last, "edit ") && !strings.Contains(last, "overlaps") || strings.HasPrefix(last, "analysis ") || strings.HasPrefix(last, "quota ") {
			innocent = false
		}
		tell(rapid.SampledFrom([]string{"run for=300ms", "run for=3s", "run for=12s", "run for=2m"}).Draw(t, "time"), "")
		if rejected := p.play.State().Rejected; innocent && len(rejected) > 0 {
			t.Fatalf("a healthy revision is rejected: %s\n\n%s\n\n%s", rejected[0].Reason, strings.Join(story, "\n\n"), p.said)
		}
	}
	if there() {
		tell("edit service=web accepts", "")
	}
	if p.play.World.Router != nil {
		tell("edit router accepts", "")
	}
	for _, where := range []string{"step-1", "step-2", "step-3", "step-4", "background", "pre-promotion", "post-promotion"} {
		tell("analysis "+where+" successful after=1s", "")
	}
	if n == 0 {
		tell("push replicas=2", "") // where a hand keeps pods that Git does not ask for, a switch waits (SPEC 5.2)
	}
	for _, line := range []string{"quota pods=none", "pods blue ready slow=1s", "pods green ready slow=1s", "release", "git read", "git back", "push rev=" + wanted, "intent promote=" + wanted, "run"} {
		tell(line, "")
	}
	s := p.play.State()
	if s.Reason == strategies.Undecided { // a person says that the way back may go
		tell("intent promote="+wanted+" full", "")
		tell("run", "")
		s = p.play.State()
	}
	if r := s.RejectionOf(digits(wanted)); s.Candidate != nil || s.Back != nil || s.Warm != nil || r == nil && s.Phase != strategies.Healthy || r != nil && s.Phase != strategies.Degraded {
		t.Fatalf("it does not come to rest: %s\n\n%s", p.summary(), strings.Join(story, "\n\n"))
	}
	for name, service := range p.play.World.Services {
		if p.play.Git.Wanted.Sizes["web"] > 0 && (service.Selects != strategies.Only(s.Stable.Color) || service.Endpoints[s.Stable.Color] == 0) {
			t.Fatalf("Service %s does not reach stable: %s\n\n%s", name, p.summary(), strings.Join(story, "\n\n"))
		}
	}
}

// anySpec is a spec of at most four steps; one that is not fresh, an edit, has a surge.
func anySpec(t *rapid.T, fresh bool) string {
	spec := anyStrategy(t, fresh)
	if rapid.IntRange(0, 3).Draw(t, "windows") == 0 {
		spec += "\nwindows: [{schedule: \"*/2 * * * *\", duration: 1m, kind: " + rapid.SampledFrom([]string{"allow", "freeze"}).Draw(t, "kind") + "}]"
	}
	if rapid.IntRange(0, 4).Draw(t, "gated") == 0 {
		spec += "\nfirstRelease: gated"
	}
	return spec
}

func anyStrategy(t *rapid.T, fresh bool) string {
	if rapid.IntRange(0, 2).Draw(t, "strategy") == 0 {
		return anyBlueGreen(t)
	}
	var b strings.Builder
	b.WriteString("strategy:\n  canary:\n    steps:\n")
	if rapid.IntRange(0, 5).Draw(t, "rolling") == 0 {
		return "strategy:\n  rollingUpdate: {maxSurge: 1, maxUnavailable: 0}\nprogressDeadlineSeconds: 30"
	}
	routed := rapid.IntRange(0, 2).Draw(t, "routed") == 0
	steps := rapid.IntRange(0, 4).Draw(t, "steps")
	for range steps {
		switch rapid.IntRange(0, 5).Draw(t, "step") {
		case 4:
			b.WriteString("    - analysis: {templates: [{templateName: errors}]}\n")
		case 5:
			if !routed {
				b.WriteString("    - pause: {duration: 3}\n")
				continue
			}
			fmt.Fprintf(&b, "    - setCanaryScale: {%s}\n", rapid.SampledFrom([]string{"replicas: 1", "replicas: 3", "weight: 50", "matchTrafficWeight: true"}).Draw(t, "scale"))
		case 0:
			b.WriteString("    - pause: {}\n")
		case 1:
			fmt.Fprintf(&b, "    - pause: {duration: %d}\n", rapid.IntRange(0, 30).Draw(t, "pause"))
		default:
			fmt.Fprintf(&b, "    - setWeight: %d\n", rapid.SampledFrom([]int{0, 1, 10, 20, 33, 50, 66, 80, 99, 100}).Draw(t, "weight"))
		}
	}
	if steps == 0 {
		b.Reset()
		b.WriteString("strategy:\n  canary:\n")
	}
	budgets := [][2]string{{"25%", "25%"}, {"1", "0"}, {"2", "1"}, {"100%", "0"}}
	if fresh {
		budgets = append(budgets, [2]string{"0", "1"}, [2]string{"0", "25%"})
	}
	budget := rapid.SampledFrom(budgets).Draw(t, "surge and unavailable")
	fmt.Fprintf(&b, "    maxSurge: %s\n    maxUnavailable: %s\n", budget[0], budget[1])
	if rapid.IntRange(0, 3).Draw(t, "background") == 0 {
		fmt.Fprintf(&b, "    analysis: {templates: [{templateName: errors}], startingStep: %d}\n", rapid.IntRange(0, max(0, steps-1)).Draw(t, "starting step"))
	}
	if rapid.IntRange(0, 3).Draw(t, "threshold") == 0 {
		b.WriteString("    replicaProgressThreshold: {type: Percent, value: 50}\n")
	}
	dynamic := routed && rapid.Bool().Draw(t, "dynamic")
	if routed {
		b.WriteString("    trafficRouting: {nginx: {stableIngress: web}}\n")
		fmt.Fprintf(&b, "    dynamicStableScale: %v\n    minPodsPerReplicaSet: %d\n", dynamic, rapid.IntRange(1, 2).Draw(t, "least"))
		fmt.Fprintf(&b, "    abortScaleDownDelaySeconds: %d\n", rapid.SampledFrom([]int{0, 3, 60}).Draw(t, "abort delay"))
	}
	if !dynamic {
		fmt.Fprintf(&b, "    scaleDownDelaySeconds: %d\n", rapid.SampledFrom([]int{0, 30, 120}).Draw(t, "delay"))
	}
	fmt.Fprintf(&b, "rollbackWindow: {revisions: %d}\n", rapid.IntRange(1, 3).Draw(t, "rollback window"))
	fmt.Fprintf(&b, "progressDeadlineSeconds: %d", rapid.SampledFrom([]int{30, 600}).Draw(t, "deadline"))
	if rapid.Bool().Draw(t, "deadline aborts") {
		b.WriteString("\nprogressDeadlineAbort: false")
	}
	return b.String()
}

// anyBlueGreen is any blue/green spec.
func anyBlueGreen(t *rapid.T) string {
	var b strings.Builder
	fmt.Fprintf(&b, "strategy:\n  blueGreen:\n    autoPromotionEnabled: %v\n", rapid.Bool().Draw(t, "auto"))
	fmt.Fprintf(&b, "    autoPromotionSeconds: %d\n", rapid.SampledFrom([]int{0, 5, 40}).Draw(t, "promote after"))
	fmt.Fprintf(&b, "    previewReplicaCount: %d\n", rapid.IntRange(0, 3).Draw(t, "preview"))
	fmt.Fprintf(&b, "    scaleDownDelaySeconds: %d\n", rapid.SampledFrom([]int{0, 30, 120}).Draw(t, "delay"))
	fmt.Fprintf(&b, "    abortScaleDownDelaySeconds: %d\n", rapid.SampledFrom([]int{0, 3, 60}).Draw(t, "abort delay"))
	if rapid.IntRange(0, 2).Draw(t, "pre") == 0 {
		b.WriteString("    prePromotionAnalysis: {templates: [{templateName: smoke}]}\n")
	}
	if rapid.IntRange(0, 2).Draw(t, "post") == 0 {
		b.WriteString("    postPromotionAnalysis: {templates: [{templateName: errors}]}\n")
	}
	fmt.Fprintf(&b, "preview: {services: %v}\n", rapid.Bool().Draw(t, "previews"))
	fmt.Fprintf(&b, "switchOverlapSeconds: %d\n", rapid.SampledFrom([]int{0, 4, 30}).Draw(t, "overlap"))
	fmt.Fprintf(&b, "progressDeadlineSeconds: %d", rapid.SampledFrom([]int{30, 600}).Draw(t, "deadline"))
	return b.String()
}
