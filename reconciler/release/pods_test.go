package release

import (
	"fmt"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// A pod gets a sleep before it is told to stop, within its grace period; one that
// brings its own preStop, or opts out, keeps what it has (SPEC 5.7, K13).
func TestPreStop(t *testing.T) {
	for _, c := range []struct {
		name, pod, container string
		options              Options
		optOut               bool
		want                 any // seconds of the sleep; nil = no preStop
	}{
		{name: "by itself", want: int64(5)},
		{name: "a long grace period", pod: "terminationGracePeriodSeconds: 90", want: int64(5)},
		{name: "a short grace period", pod: "terminationGracePeriodSeconds: 3", want: int64(2)},
		{name: "one second of grace", pod: "terminationGracePeriodSeconds: 1"},
		{name: "no grace", pod: "terminationGracePeriodSeconds: 0"},
		{name: "beside a postStart", container: "lifecycle: {postStart: {exec: {command: [warm]}}}", want: int64(5)},
		{name: "opted out", optOut: true},
		{name: "left to the app", options: Options{NoPreStop: true}},
	} {
		text := swap(t, fixture(t, "web.yaml"), "      containers:\n", "      "+c.pod+"\n      containers:\n")
		text = swap(t, text, "        ports:", "        "+c.container+"\n        ports:")
		if c.optOut {
			text = swap(t, text, "labels: {team: shop}", `annotations: {kexal.dev/pre-stop: "none"}`)
		}
		r := read(t, text)
		d := r.Deployment(r.Workloads[0], stampOf(r), strategies.Blue, c.options)
		if got := at(t, d.Object, "spec", "template", "spec", "containers", 0, "lifecycle", "preStop", "sleep", "seconds"); got != c.want {
			t.Errorf("%s: it sleeps %v, want %v", c.name, got, c.want)
		}
		if c.container != "" && at(t, d.Object, "spec", "template", "spec", "containers", 0, "lifecycle", "postStart") == nil {
			t.Errorf("%s: its own postStart is lost", c.name)
		}
		if r.Revision != read(t, text).Revision {
			t.Errorf("%s: what kexal adds became part of the revision", c.name)
		}
	}
}

// A preStop of the app's own is left alone, and the container beside it still gets one.
func TestPreStopOfTheApp(t *testing.T) {
	text := swap(t, fixture(t, "shop.yaml"), "        envFrom:", "        lifecycle: {preStop: {exec: {command: [bye]}}}\n        envFrom:")
	r := read(t, text)
	pod := at(t, r.Deployment(r.Workloads[0], stampOf(r), strategies.Blue, Options{}).Object, "spec", "template", "spec")
	if at(t, pod, "containers", 0, "lifecycle", "preStop", "sleep") != nil || at(t, pod, "containers", 0, "lifecycle", "preStop", "exec") == nil {
		t.Errorf("the app's own became %v", at(t, pod, "containers", 0, "lifecycle"))
	}
	if at(t, pod, "containers", 1, "lifecycle", "preStop", "sleep", "seconds") != int64(5) {
		t.Errorf("the other container has %v", at(t, pod, "containers", 1, "lifecycle"))
	}
	if at(t, pod, "initContainers", 0, "lifecycle") != nil {
		t.Error("an init container has none to stop")
	}
}

// Two colours must not keep each other off the nodes: terms that match the pods' own
// labels are narrowed to the colour, terms about others stay (SPEC 5.7, K31).
func TestAffinityKeepsToColor(t *testing.T) {
	const terms = `      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: shop}}}
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: cache}}}
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchExpressions: [{key: app, operator: In, values: [shop]}]}}
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: shop}, matchExpressions: [{key: tier, operator: NotIn, values: [front]}]}}
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - {topologyKey: host, labelSelector: {matchLabels: {app: shop, tier: front}}}
          - {topologyKey: host, labelSelector: {matchLabels: {app: shop, tier: back}}}
          preferredDuringSchedulingIgnoredDuringExecution:
          - {weight: 1, podAffinityTerm: {topologyKey: zone, labelSelector: {matchLabels: {tier: front}}}}
        podAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - {topologyKey: host, labelSelector: {matchLabels: {app: database}}}
          preferredDuringSchedulingIgnoredDuringExecution:
          - {weight: 1, podAffinityTerm: {topologyKey: zone, labelSelector: {matchLabels: {app: shop}}}}
        nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {}}]}
      volumes:
`
	shop := swap(t, fixture(t, "shop.yaml"), "      volumes:\n", terms)
	r := read(t, shop)
	pod := at(t, r.Deployment(r.Workloads[0], stampOf(r), strategies.Green, Options{}).Object, "spec", "template", "spec")
	required, preferred := "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
	for _, c := range []struct {
		path []any
		want any
	}{
		{[]any{"topologySpreadConstraints", 0}, "green"},
		{[]any{"topologySpreadConstraints", 1}, nil},
		{[]any{"affinity", "podAntiAffinity", required, 0}, "green"},
		{[]any{"affinity", "podAntiAffinity", required, 1}, nil},
		{[]any{"affinity", "podAntiAffinity", preferred, 0, "podAffinityTerm"}, "green"},
		{[]any{"affinity", "podAffinity", required, 0}, nil},
		{[]any{"affinity", "podAffinity", preferred, 0, "podAffinityTerm"}, "green"},
	} {
		term := at(t, pod, c.path...)
		labels, _ := at(t, term, "labelSelector", "matchLabels").(map[string]any)
		if labels[LabelColor] != c.want {
			t.Errorf("%s: %v, want %s=%v", fmt.Sprint(c.path...), labels, LabelColor, c.want)
		}
		if _, tied := labels[LabelRevision]; tied {
			t.Errorf("%s is tied to a revision", fmt.Sprint(c.path...))
		}
	}
	for i, want := range map[int]any{2: "green", 3: nil} {
		labels, _ := at(t, pod, "topologySpreadConstraints", i, "labelSelector", "matchLabels").(map[string]any)
		if labels[LabelColor] != want {
			t.Errorf("by expressions, term %d: %v, want %v", i, labels, want)
		}
	}
	if at(t, pod, "affinity", "nodeAffinity", preferred, 0, "weight") != int64(1) {
		t.Error("the affinity to nodes is lost")
	}
}
