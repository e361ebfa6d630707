package strategies

import (
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// fieldsFile has a name and a value of every field of Argo Rollouts.
const fieldsFile = "testdata/argo-fields.txt"

// A sample is a field that Argo Rollouts has, and a value for it.
type sample struct {
	name  string
	value any
}

func samples(t *testing.T) []sample {
	t.Helper()
	var all []sample
	for line := range strings.Lines(readFile(t, fieldsFile)) {
		name, text, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		all = append(all, sample{name, parsed(t, text)})
	}
	return all
}

func parsed(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// around is what a field needs beside it to mean something, by the beginning of its name.
var around = map[string]string{
	"strategy.blueGreen.prePromotionAnalysis":      "strategy: {blueGreen: {prePromotionAnalysis: {templates: [{templateName: a}]}}}",
	"strategy.blueGreen.postPromotionAnalysis":     "strategy: {blueGreen: {postPromotionAnalysis: {templates: [{templateName: a}]}}}",
	"strategy.canary.analysis":                     "strategy: {canary: {analysis: {templates: [{templateName: a}]}}}",
	"strategy.canary.steps[].analysis":             "strategy: {canary: {steps: [{analysis: {templates: [{templateName: a}]}}]}}",
	"strategy.canary.steps[].experiment":           "strategy: {canary: {steps: [{experiment: {templates: [{name: a}]}}]}}",
	"strategy.canary.replicaProgressThreshold":     "strategy: {canary: {replicaProgressThreshold: {type: Percent, value: 80}}}",
	"strategy.canary.abortScaleDownDelaySeconds":   "strategy: {canary: {trafficRouting: {nginx: {}}}}",
	"strategy.canary.dynamicStableScale":           "strategy: {canary: {trafficRouting: {nginx: {}}}}",
	"strategy.canary.minPodsPerReplicaSet":         "strategy: {canary: {trafficRouting: {nginx: {}}}}",
	"strategy.canary.steps[].setCanaryScale":       "strategy: {canary: {trafficRouting: {nginx: {}}, steps: [{setCanaryScale: {weight: 20}}]}}",
	"strategy.canary.steps[].setCanaryScale.":      "strategy: {canary: {trafficRouting: {nginx: {}}}}",
	"strategy.canary.trafficRouting.max":           "strategy: {canary: {trafficRouting: {nginx: {}}}}",
	"strategy.canary.trafficRouting.managedRoutes": "strategy: {canary: {trafficRouting: {nginx: {}}}}",
}

// rolloutWith is a small rollout.yaml that says a field, or all but that field.
func rolloutWith(t *testing.T, name string, value any, said bool) []byte {
	t.Helper()
	keys := strings.Split(name, ".")
	spec := value
	for i, key := range slices.Backward(keys) {
		key, list := strings.CutSuffix(key, "[]")
		switch last := i == len(keys)-1; {
		case last && !said:
			spec = map[string]any{}
			continue
		case list:
			spec = []any{spec}
		}
		spec = map[string]any{key: spec}
	}
	nearest := ""
	for prefix := range around {
		if strings.HasPrefix(name, prefix) && len(prefix) > len(nearest) {
			nearest = prefix
		}
	}
	if nearest != "" {
		spec = merged(parsed(t, around[nearest]), spec)
	} else if !strings.HasPrefix(name, "strategy") {
		spec = merged(spec, parsed(t, "strategy: {canary: {}}"))
	}
	text, err := yaml.Marshal(map[string]any{"apiVersion": APIVersion, "kind": "Rollout", "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// merged is both; where they say different things, what b says.
func merged(a, b any) any {
	switch b := b.(type) {
	case map[string]any:
		if a, ok := a.(map[string]any); ok {
			both := maps.Clone(a)
			for key, value := range b {
				both[key] = merged(a[key], value)
			}
			return both
		}
	case []any:
		if a, ok := a.([]any); ok && len(a) == 1 && len(b) == 1 {
			return []any{merged(a[0], b[0])}
		}
	}
	return b
}

// The table has every field of Argo Rollouts, and no other (SPEC 3.2).
func TestFieldsAreAllThere(t *testing.T) {
	var have, want []string
	for _, f := range argoFields() {
		have = append(have, f.name)
	}
	for _, s := range samples(t) {
		want = append(want, s.name)
	}
	slices.Sort(have)
	slices.Sort(want)
	for i := 1; i < len(have); i++ {
		if have[i] == have[i-1] {
			t.Errorf("%s stands twice in the table", have[i])
		}
	}
	for _, name := range want {
		if !slices.Contains(have, name) {
			t.Errorf("%s is missing in the table", name)
		}
	}
	for _, name := range have {
		if !slices.Contains(want, name) {
			t.Errorf("%s is no field of Argo Rollouts", name)
		}
	}
}

// Reading a field does what the table says of it (SPEC 3.2).
func TestFieldsDoWhatTheTableSays(t *testing.T) {
	count := map[support]int{}
	for _, s := range samples(t) {
		f := fieldsOf[plain(s.name)]
		count[f.is]++
		text := rolloutWith(t, s.name, s.value, true)
		r, err := Decode("rollout.yaml", text)
		var mistakes Mistakes
		errors.As(err, &mistakes)
		if f.is == unsupported {
			if f.says == "" || len(mistakes) != 1 || mistakes[0].Err.Error() != f.says || mistakes[0].Fix == "" || mistakes[0].Line < 2 || mistakes[0].Col < 2 {
				t.Errorf("%s is to be refused: %q; it is %v\n%s", s.name, f.says, err, text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", s.name, err, text)
			continue
		}
		var warned []string
		for _, w := range r.Warnings {
			warned = append(warned, w.Message)
		}
		if want := f.is == approximated; want != (len(warned) == 1 && warned[0] == f.says) || !want && len(warned) > 0 {
			t.Errorf("%s: warnings %q", s.name, warned)
		}
		for _, means := range []Means{Routers, Measurements} {
			err := r.Refuse(means)
			if needed := f.is == wanting && f.needs == means; needed != (err != nil) || err != nil && !strings.Contains(err.Error(), f.says) {
				t.Errorf("%s, without %s: %v", s.name, means, err)
			}
		}
	}
	t.Logf("supported %d, approximated %d, wanting %d, unsupported %d", count[supported], count[approximated], count[wanting], count[unsupported])
}

// A default is what a field is when it is left out: writing it changes nothing (SPEC 3.2).
func TestFieldsHaveTheirDefaults(t *testing.T) {
	tested := 0
	for _, f := range argoFields() {
		if f.def == "" {
			continue
		}
		tested++
		said, err := Decode("rollout.yaml", rolloutWith(t, f.name, parsed(t, f.def), true))
		if err != nil {
			t.Errorf("%s: %s: %v", f.name, f.def, err)
			continue
		}
		left, err := Decode("rollout.yaml", rolloutWith(t, f.name, nil, false))
		for _, r := range []Rollout{said, left} {
			for _, step := range r.Spec.Canary.Steps {
				if step.Experiment != nil {
					step.Experiment.Settings = nil // kept as they are written
				}
			}
		}
		if err != nil || !reflect.DeepEqual(said.Spec, left.Spec) {
			t.Errorf("%s: %s gives\n%+v, and left out\n%+v (%v)", f.name, f.def, said.Spec, left.Spec, err)
		}
	}
	if tested < 10 {
		t.Errorf("only %d fields have a default", tested)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
