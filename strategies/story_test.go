package strategies

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
)

// TestStories plays every file below testdata: what people push and what befalls the
// namespace, then what the rollout does about it. `go test ./strategies -rewrite` writes
// down what it does now; read the difference as a change to the manual.
//
//	rollout                         the fields under spec: of rollout.yaml, in YAML
//	push rev=b2 [replicas=4] [tag=v2] [shared=2] [services=web,web-grpc]
//	intent [promote=b2 [step=2|full]] [abort=b2] [paused]    instead of the intents before
//	git gone|back|unread|read       rollout.yaml removed; mirror not read since the start
//	hold SENTENCE / release         the commit cannot be acted on
//	run [for=30s] [quietly]         until nothing happens any more, or for a while
//	pods green ready|unready|crash [n=2] [slow=10s] [lingers=40s] [settles=5s]
//	quota pods=12 / quota none
//	edit service=web selects=both|blue|green|other    by hand
//	edit service=web gone
//	edit service=web overlaps                         a load balancer is in front of it
//	edit service=web refuses [late]|accepts           the server says no; late: not when it is asked first
//	edit deployment=green replicas=3|deleted|unpaused|stuck|unstuck
//	edit preview=web-preview gone
//	edit stranger=web-all / edit stranger=none
//	die before-record|after-record|after-act=1        in the next decision that does something
//	restart / lose-state / ledger stop|go
//	status [json]
//	deaths                          plays the lines below it once for every place to die at
//	ratio n=5 surge=yes             what split makes of every weight that is listed
//	decode                          the whole file, in YAML
//
// A revision of two letters stands for ten: b2 is b2b2b2b2b2.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.HasPrefix(filepath.Base(path), ".") {
			return
		}
		p := newPlay()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "deaths" {
				return p.deaths(t, d)
			}
			said, err := p.tell(d.Cmd, d.CmdArgs, d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			if p.broken != "" {
				d.Fatalf(t, "%s\n%s", p.broken, said)
			}
			return said
		})
	})
}

// TestStoriesAreTold sees that there are stories, and that each opens with its rule.
func TestStoriesAreTold(t *testing.T) {
	n := 0
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		n++
		text := read(t, path)
		if first, _, _ := strings.Cut(text, "\n\n"); !strings.HasPrefix(first, "# ") || !strings.Contains(first, "SPEC ") {
			t.Errorf("%s does not open with a comment that tells its rule and its number in SPEC", path)
		}
	})
	if n < 45 {
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
func (p *play) tell(cmd string, args words, input string) (string, error) {
	p.said.Reset()
	w := p.world
	switch cmd {
	case "rollout":
		p.git.spec = input
		if _, err := Decode("rollout.yaml", []byte(p.rolloutYAML())); err != nil {
			return err.Error() + "\n", nil
		}
	case "push":
		return p.push(args)
	case "intent":
		return p.intend(args)
	case "git":
		switch args.bare() {
		case "gone", "back":
			p.git.gone = args.bare() == "gone"
		case "unread", "read":
			p.git.unread = args.bare() == "unread"
		default:
			return "", fmt.Errorf("git %s?", args.bare())
		}
	case "hold":
		var sentence []string
		for _, a := range args {
			sentence = append(sentence, a.String())
		}
		p.git.held = strings.Trim(strings.Join(sentence, " "), `"`)
	case "release":
		p.git.held = ""
	case "run":
		during, err := args.duration("for")
		if err != nil {
			return "", err
		}
		p.run(during)
		if args.has("quietly") {
			return p.sentence + "\n" + p.namespace(), nil
		}
	case "pods":
		if err := p.teach(Color(args.bare()), args[1:]); err != nil {
			return "", err
		}
	case "quota":
		w.quota, _ = strconv.Atoi(args.value("pods"))
	case "controllers":
		var err error
		if w.late, err = args.duration("late"); err != nil {
			return "", err
		}
	case "edit":
		if err := p.edit(args); err != nil {
			return "", err
		}
	case "die":
		p.dies, p.diesAt = args[0].String(), 0
	case "restart":
		p.epoch = 0
	case "lose-state":
		p.record = ""
	case "ledger":
		p.mute = args.bare() == "stop"
	case "status":
		if args.has("json") {
			st := p.state()
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
	if p.said.Len() == 0 {
		if cmd == "run" {
			return "nothing happens\n", nil
		}
		return "ok\n", nil
	}
	return p.said.String(), nil
}

func (p *play) push(args words) (string, error) {
	before := Wanted{Replicas: 4, Track: Track{Workload: "web"}}
	if p.git.wanted != nil {
		before = *p.git.wanted
	}
	now := before
	p.git.pushes++
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
		now.Replicas = int32(v)
	}
	if shared := args.value("shared"); shared != "" {
		p.git.digest = shared
	}
	names := []string{"web"}
	if before.Selectors != nil {
		names = names[:0]
		for name := range before.Selectors {
			names = append(names, name)
		}
	}
	if given := args.value("services"); given != "" {
		names = strings.Split(given, ",")
		if given == "none" {
			names = nil
		}
	}
	now.Selectors, now.Labels = map[string]map[string]string{}, map[string]string{"app": "web"}
	for _, name := range names {
		now.Selectors[name] = map[string]string{"app": "web"}
	}
	now.Commit = fmt.Sprintf("%040d", p.git.pushes)
	now.Source = Source{Branch: "main", Path: "apps/web", Commit: now.Commit, Subject: "web: " + now.Revision, Author: "Ada <ada@shop.example>"}
	p.git.wanted = &now
	return "ok\n", nil
}

func (p *play) intend(args words) (string, error) {
	var lines []string
	for _, a := range args {
		switch a.Key {
		case "promote":
			field := "promote: " + digits(args.value("promote"))
			switch {
			case args.has("full"):
				field = fmt.Sprintf("promote: {revision: %s, full: true}", digits(args.value("promote")))
			case args.has("step"):
				field = fmt.Sprintf("promote: {revision: %s, step: %s}", digits(args.value("promote")), args.value("step"))
			}
			lines = append(lines, field)
		case "abort":
			lines = append(lines, "abort: "+digits(args.value("abort")))
		case "paused":
			lines = append(lines, "paused: true")
		case "step", "full":
		default:
			return "", fmt.Errorf("no intent %q", a.Key)
		}
	}
	p.git.intents = strings.Join(lines, "\n")
	if p.git.intents == "" {
		return "no intents\n", nil
	}
	return p.git.intents + "\n", nil
}

// teach sets how a colour's pods behave from now on, those that are there too.
func (p *play) teach(c Color, args words) (err error) {
	m := p.world.manners[c]
	m.some, _ = strconv.Atoi(args.value("n"))
	for _, a := range args {
		switch a.Key {
		case "ready":
			m.bad = ""
		case "unready":
			m.bad = "-"
		case "crash":
			m.bad = "container web exits with code 1 and is restarted (CrashLoopBackOff)"
		case "slow":
			m.starts, err = args.duration("slow")
		case "lingers":
			m.lingers, err = args.duration("lingers")
		case "settles":
			m.settles, err = args.duration("settles")
		case "n":
		default:
			err = fmt.Errorf("pods %s?", a.Key)
		}
		if err != nil {
			return err
		}
	}
	p.world.manners[c] = m
	left := m.some
	for _, pod := range p.world.pods {
		if pod.color != c || !pod.goneAt.IsZero() {
			continue
		}
		if m.bad == "" {
			p.world.behave(pod)
			continue
		}
		if m.some > 0 {
			if left--; left < 0 {
				continue
			}
		}
		pod.readyAt, pod.trouble = time.Time{}, strings.TrimPrefix(m.bad, "-")
		if pod.trouble != "" {
			pod.crashes = append(pod.crashes, p.world.now)
		}
	}
	return nil
}

// edit is what hands do in the namespace.
func (p *play) edit(args words) error {
	w := p.world
	switch {
	case args.has("service"):
		s := w.services[args.value("service")]
		if s == nil {
			return fmt.Errorf("no such Service")
		}
		switch {
		case args.has("overlaps"):
			s.overlaps = true
			return nil
		case args.has("gone"):
			delete(w.services, args.value("service"))
			return nil
		case args.has("refuses"), args.has("accepts"):
			s.refuses, s.late = args.has("refuses"), args.has("late")
			return nil
		}
		switch to := Selection(args.value("selects")); to {
		case BothColors, Something:
			s.selects, s.revision = to, ""
		default:
			s.selects, s.revision = to, ""
			if d := w.slots[Color(to)]; d != nil {
				s.revision = d.revision
			}
		}
	case args.has("preview"):
		delete(w.previews, args.value("preview"))
	case args.has("deployment"):
		c := Color(args.value("deployment"))
		d := w.slots[c]
		if d == nil {
			return fmt.Errorf("no Deployment in %s", c)
		}
		switch {
		case args.has("deleted"):
			w.slots[c] = nil
		case args.has("unpaused"):
			d.paused = false
		case args.has("stuck"):
			d.stuck = true
		case args.has("unstuck"):
			if d.stuck = false; d.deleting {
				w.slots[c] = nil
			}
		default:
			n, err := strconv.Atoi(args.value("replicas"))
			if err != nil {
				return err
			}
			w.resize(d, int32(n))
		}
	case args.value("stranger") == "none":
		w.strangers = nil
	case args.has("stranger"):
		w.strangers = append(w.strangers, args.value("stranger"))
	default:
		return fmt.Errorf("edit what?")
	}
	return nil
}

// summary is the status in short, and what is there.
func (p *play) summary() string {
	var b strings.Builder
	s := p.state()
	st := s.Status("web", "shop", nil)
	fmt.Fprintf(&b, "%s %s: %s\n", st.Phase, st.Reason, st.Message)
	track := func(role string, t *TrackStatus) {
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
func (p *play) namespace() string {
	var parts []string
	for _, c := range []Color{Blue, Green} {
		if d := p.world.slots[c]; d != nil {
			parts = append(parts, fmt.Sprintf("%s has %s, %d of %d ready", c, d.revision, p.world.readyPods(c), d.desired))
		}
	}
	if p.users != "" {
		parts = append(parts, "users "+p.users)
	}
	return strings.Join(parts, "; ") + "\n"
}

// deaths plays the same lines once for each decision in them and each place to die in
// it, and says how those lives end.
func (p *play) deaths(t *testing.T, d *datadriven.TestData) string {
	script := strings.Split(d.Input, "\n")
	live := func(c *play) string {
		for _, line := range script {
			cmd, args, err := datadriven.ParseLine(line)
			if err == nil {
				_, err = c.tell(cmd, args, "")
			}
			if err != nil {
				d.Fatalf(t, "%s: %v", line, err)
			}
			if c.broken != "" {
				return "BROKEN " + c.broken
			}
		}
		return c.summary()
	}
	calm := p.clone()
	ended := live(calm)
	points := []string{"before-record", "after-record"}
	for i := range calm.acts {
		points = append(points, fmt.Sprintf("after-act=%d", i+1))
	}
	lives, ends := 0, map[string]int{}
	for i := p.deeds + 1; i <= calm.deeds; i++ {
		for _, point := range points {
			c := p.clone()
			c.dies, c.diesAt = point, i
			ends[live(c)]++
			lives++
			if c.broken != "" {
				d.Fatalf(t, "dies %s in decision %d: %s\n%s", point, i-p.deeds, c.broken, c.said.String())
			}
		}
	}
	*p = *calm
	var b strings.Builder
	fmt.Fprintf(&b, "%d deaths, %d end as if nobody had died:\n%s", lives, ends[ended], ended)
	delete(ends, ended)
	for _, end := range slices.Sorted(maps.Keys(ends)) {
		fmt.Fprintf(&b, "%d end so:\n%s", ends[end], end)
	}
	return b.String()
}
