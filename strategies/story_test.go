package strategies_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/kexal/kexal/strategies"
)

// TestStories plays every file below testdata: what people push and what befalls the
// namespace, then what the rollout does about it. `go test ./strategies -rewrite` writes
// down what it does now; read the difference as a change to the manual.
//
//	rollout                         the fields under spec: of rollout.yaml, in YAML
//	push rev=b2 [replicas=4] [tag=v2] [shared=2] [services=web,web-grpc]
//	intent [promote=b2 [step=2|full] [ignore-windows]] [abort=b2] [retry=b2 attempt=2] [paused]    instead of the intents before
//	clock at=2026-03-29T00:30:00Z   before anything was run
//	clock by=1h                     the agent's clock jumps, and the namespace's does not
//	analysis step-2|background|pre-promotion|post-promotion successful|failed|inconclusive|error|running [after=10s] [why=...]
//	git gone|back|unread|read       rollout.yaml removed; mirror not read since the start
//	hold SENTENCE / release         the commit cannot be acted on
//	run [for=30s] [quietly]         until nothing happens any more, or for a while
//	pods green ready|unready|crash [n=2] [slow=10s] [lingers=40s] [settles=5s]
//	disturb green [crash] for=3s    one ready pod loses its readiness
//	quota pods=12 / quota none
//	controllers [late=4s] [begins=1s] [lag=1s] [router=1s]    how far what follows is behind
//	edit service=web selects=both|blue|green|other    by hand
//	edit service=web gone
//	edit service=web overlaps                         a load balancer is in front of it
//	edit service=web refuses [late]|accepts           the server says no; late: not when it is asked first
//	edit deployment=green replicas=3|deleted|unpaused|stuck|unstuck|template|rolls=2   rolls: 2 pods run a hand's template
//	edit router weight=50 / edit router refuses|accepts
//	edit preview=web-preview gone
//	edit stranger=web-all / edit stranger=none
//	die before-record|after-record|after-act=1        in the next decision that does something
//	fail record|act=1 [lost]                          a write of that decision; lost: it was done all the same
//	turn / tick                                       the agent looks once; the clock goes to what happens next
//	restart / lose-state / ledger stop|go
//	status [json]
//	deaths                          plays the lines below it once for every place to die at
//	ratio n=5 surge=yes             what split makes of every weight that is listed
//	decode                          the whole file, in YAML
//
// A revision of two letters stands for ten: b2 is b2b2b2b2b2.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.HasPrefix(filepath.Base(path), ".") || path == "testdata/argo-fields.txt" {
			return
		}
		p := newStory()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "deaths" {
				return p.deaths(t, d)
			}
			said, err := p.tell(d.Cmd, d.CmdArgs, d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			if p.broken != nil {
				d.Fatalf(t, "%v\n%s", p.broken, said)
			}
			return said
		})
	})
}

// TestStoriesAreTold sees that there are stories, and that each opens with its rule.
func TestStoriesAreTold(t *testing.T) {
	n := 0
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if path == "testdata/argo-fields.txt" {
			return
		}
		n++
		text := read(t, path)
		if first, _, _ := strings.Cut(text, "\n\n"); !strings.HasPrefix(first, "# ") || !strings.Contains(first, "SPEC ") {
			t.Errorf("%s does not open with a comment that tells its rule and its number in SPEC", path)
		}
	})
	if n < 648 {
		t.Errorf("only %d stories", n)
	}
}

// words are a directive's arguments: bare ones, and values by key.
type words []datadriven.CmdArg

func (ws words) has(key string) bool {
	return slices.ContainsFunc(ws, func(a datadriven.CmdArg) bool { return a.Key == key })
}

func (ws words) value(key string) string {
	for _, a := range ws {
		if a.Key == key && len(a.Vals) > 0 {
			return a.Vals[0]
		}
	}
	return ""
}

func (ws words) duration(key string) (time.Duration, error) {
	if v := ws.value(key); v != "" {
		return time.ParseDuration(v)
	}
	return 0, nil
}

func (ws words) bare() (first string) {
	if len(ws) > 0 {
		first = ws[0].Key
	}
	return first
}

// digits writes a short revision out.
func digits(short string) string {
	if len(short) == 2 {
		return strings.Repeat(short, 5)
	}
	return short
}

// tell plays one directive and says what happened.
func (p *story) tell(cmd string, args words, input string) (string, error) {
	p.said = ""
	w := p.play.World
	switch cmd {
	case "rollout":
		p.spec = input
		if err := p.write(); err != nil {
			return err.Error() + "\n", nil
		}
	case "push":
		return p.push(args)
	case "intent":
		return p.intend(args)
	case "git":
		switch args.bare() {
		case "gone", "back":
			p.play.Git.Gone = args.bare() == "gone"
		case "unread", "read":
			p.play.Git.Unread = args.bare() == "unread"
		default:
			return "", fmt.Errorf("git %s?", args.bare())
		}
	case "hold":
		var sentence []string
		for _, a := range args {
			sentence = append(sentence, a.String())
		}
		p.play.Git.Held = strings.Trim(strings.Join(sentence, " "), `"`)
	case "release":
		p.play.Git.Held = ""
	case "run":
		during, err := args.duration("for")
		if err != nil {
			return "", err
		}
		if p.broken = p.run(during); p.broken != nil {
			return p.said, nil
		}
		if args.has("quietly") {
			return p.sentence + "\n" + p.namespace(), nil
		}
	case "pods":
		if err := p.teach(strategies.Color(args.bare()), args[1:]); err != nil {
			return "", err
		}
	case "disturb":
		if err := p.disturb(strategies.Color(args.bare()), args[1:]); err != nil {
			return "", err
		}
	case "quota":
		w.Quota, _ = strconv.Atoi(args.value("pods"))
	case "controllers":
		for key, delay := range map[string]*time.Duration{"late": &w.Late, "begins": &w.Begins, "lag": &w.Lag, "router": &w.RouterLag} {
			if args.value(key) == "" {
				continue
			}
			var err error
			if *delay, err = args.duration(key); err != nil {
				return "", err
			}
		}
	case "clock":
		if args.has("by") {
			by, err := args.duration("by")
			p.play.Jump(by)
			if err != nil {
				return "", err
			}
			break
		}
		at, err := time.Parse(time.RFC3339, args.value("at"))
		if err != nil {
			return "", err
		}
		w.Now = at
	case "analysis":
		if err := p.verdict(args); err != nil {
			return "", err
		}
	case "edit":
		if err := p.edit(args); err != nil {
			return "", err
		}
	case "die":
		return p.die(args)
	case "turn":
		_, p.broken = p.play.Turn()
	case "tick":
		p.play.Tick()
	case "fail":
		return p.fail(args)
	case "restart":
		away, err := args.duration("away")
		if err != nil {
			return "", err
		}
		p.play.Restart(away)
	case "lose-state":
		p.play.Record = ""
	case "ledger":
		p.play.Mute = args.bare() == "stop"
	case "status":
		if args.has("json") {
			st := p.play.State()
			text, err := json.MarshalIndent(st.Status("web", "shop", nil), "", "  ")
			return string(text) + "\n", err
		}
		return p.summary(), nil
	case "ratio":
		return ratio(args)
	case "decode":
		return decoded(input), nil
	default:
		return "", fmt.Errorf("no directive %q", cmd)
	}
	if p.said == "" {
		if cmd == "run" {
			return "nothing happens\n", nil
		}
		return "ok\n", nil
	}
	return p.said, nil
}

func (p *story) push(args words) (string, error) {
	before := strategies.Wanted{Sizes: map[string]int32{"web": 4}, Track: strategies.Track{Workloads: map[string]strategies.Workload{"web": {Labels: map[string]string{"app": "web"}}}}}
	if p.play.Git.Wanted != nil {
		before = *p.play.Git.Wanted
	}
	now := before
	if rev := args.value("rev"); rev != "" {
		now.Revision = digits(rev)
	}
	if tag := args.value("tag"); tag != "" {
		now.Images = []string{"registry.shop/web:" + tag}
	} else if now.Revision != before.Revision {
		now.Images = []string{"registry.shop/web:" + args.value("rev")}
	}
	if n := args.value("replicas"); n != "" {
		v, err := strconv.Atoi(n)
		if err != nil {
			return "", err
		}
		now.Sizes = map[string]int32{"web": int32(v)}
	}
	if shared := args.value("shared"); shared != "" {
		v, err := strconv.Atoi(shared)
		if err != nil {
			return "", err
		}
		p.play.Git.Shared = v
	}
	names := []string{"web"}
	if before.Selectors != nil {
		names = names[:0]
		for name, selector := range before.Selectors {
			names = append(names, selector["app"]+"/"+name)
		}
	}
	if given := args.value("services"); given != "" {
		names = strings.Split(given, ",")
		if given == "none" {
			names = nil
		}
	}
	if given := args.value("workloads"); given != "" { // such as web:4,api:2
		now.Sizes, now.Workloads = map[string]int32{}, map[string]strategies.Workload{}
		for _, one := range strings.Split(given, ",") {
			name, size, _ := strings.Cut(one, ":")
			n, err := strconv.Atoi(size)
			if err != nil {
				return "", err
			}
			now.Sizes[name], now.Workloads[name] = int32(n), strategies.Workload{Labels: map[string]string{"app": name}}
		}
	}
	now.Selectors = map[string]map[string]string{}
	for _, name := range names { // of the workload of that name, or of the one before a slash; else of web
		workload, service, two := strings.Cut(name, "/")
		if !two {
			service = name
		}
		if _, known := now.Workloads[workload]; !known {
			workload = "web"
		}
		now.Selectors[service] = map[string]string{"app": workload}
	}
	now.Commit = ""
	now.Source = strategies.Source{Branch: "main", Path: "apps/web", Subject: "web: " + now.Revision, Author: "Ada <ada@shop.example>"}
	p.play.Git.Push(now)
	return "ok\n", nil
}

func (p *story) intend(args words) (string, error) {
	var lines []string
	for _, a := range args {
		switch a.Key {
		case "promote":
			rev := digits(args.value("promote"))
			more := ""
			if args.has("full") {
				more += ", full: true"
			}
			if args.has("step") {
				more += ", step: " + args.value("step")
			}
			if args.has("ignore-windows") {
				more += ", ignoreWindows: true"
			}
			if more == "" {
				lines = append(lines, "promote: "+rev)
			} else {
				lines = append(lines, "promote: {revision: "+rev+more+"}")
			}
		case "retry":
			lines = append(lines, fmt.Sprintf("retry: {revision: %s, attempt: %s}", digits(args.value("retry")), args.value("attempt")))
		case "abort":
			lines = append(lines, "abort: "+digits(args.value("abort")))
		case "paused":
			lines = append(lines, "paused: true")
		case "step", "full", "ignore-windows", "attempt":
		default:
			return "", fmt.Errorf("no intent %q", a.Key)
		}
	}
	p.intents = strings.Join(lines, "\n")
	_ = p.write() // a mistake in it is for the rollout to tell
	if p.intents == "" {
		return "no intents\n", nil
	}
	return p.intents + "\n", nil
}

// summary is the status in short, and what is there.
func (p *story) summary() string {
	var b strings.Builder
	s := p.play.State()
	st := s.Status("web", "shop", nil)
	fmt.Fprintf(&b, "%s %s: %s\n", st.Phase, st.Reason, st.Message)
	track := func(role string, t *strategies.TrackStatus) {
		if t != nil {
			fmt.Fprintf(&b, "%s %s in %s", role, t.Revision, t.Color)
			if t.Attempt > 1 {
				fmt.Fprintf(&b, ", attempt %d", t.Attempt)
			}
			b.WriteString("\n")
		}
	}
	track("stable", st.Stable)
	track("candidate", st.Candidate)
	for _, r := range st.Rejected {
		fmt.Fprintf(&b, "rejected %s: %s\n", r.Revision, r.Reason)
	}
	for _, i := range st.Intents {
		text := fmt.Sprintf("intent %s %s", i.Field, i.Revision)
		fmt.Fprintf(&b, "%s: %s", strings.TrimSpace(text), i.State)
		if i.Why != "" {
			b.WriteString(", " + i.Why)
		}
		b.WriteString("\n")
	}
	b.WriteString(p.namespace())
	return b.String()
}

// namespace is what is there.
func (p *story) namespace() string {
	var parts []string
	for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
		for _, workload := range slices.Sorted(maps.Keys(p.play.World.Slots)) {
			where := string(c)
			if workload != "web" {
				where = workload + "-" + where
			}
			if d := p.play.World.Slots[workload][c]; d != nil {
				parts = append(parts, fmt.Sprintf("%s has %s, %d of %d ready", where, d.Revision, p.play.World.ReadyPods(workload, c), d.Desired))
			}
		}
	}
	if p.users != "" {
		parts = append(parts, "users "+p.users)
	}
	return strings.Join(parts, "; ") + "\n"
}
