package release

import (
	"maps"
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// What a Service selects for each selection: its selector in Git, alone or narrowed to
// the revision of one colour (SPEC 5.9). A selector is never empty (SPEC 5.8, K28):
// where nothing can be said it is nil, and nothing is written.
func TestSelector(t *testing.T) {
	stable := &strategies.Track{Revision: "aaaaaaaaaa", Color: strategies.Blue, Selectors: map[string]map[string]string{"web": {"app": "web"}, "old": {"app": "web"}}}
	candidate := &strategies.Track{Revision: "bbbbbbbbbb", Color: strategies.Green, Selectors: map[string]map[string]string{"web": {"app": "web", "tier": "front"}}}
	pinned := func(color, revision string, more ...string) map[string]string {
		s := map[string]string{"app": "web", LabelColor: color, LabelRevision: revision}
		for _, k := range more {
			key, value, _ := strings.Cut(k, "=")
			s[key] = value
		}
		return s
	}
	both := []*strategies.Track{candidate, stable}
	for _, c := range []struct {
		name    string
		service string
		to      strategies.Selection
		tracks  []*strategies.Track
		want    map[string]string
	}{
		{"stable alone", "web", strategies.OnlyBlue, both, pinned("blue", "aaaaaaaaaa")},
		{"the candidate alone", "web", strategies.OnlyGreen, both, pinned("green", "bbbbbbbbbb", "tier=front")},
		{"both: as the newer release says", "web", strategies.BothColors, both, map[string]string{"app": "web", "tier": "front"}},
		{"both, without a candidate", "web", strategies.BothColors, []*strategies.Track{nil, stable}, map[string]string{"app": "web"}},
		{"a Service that the candidate dropped", "old", strategies.OnlyBlue, both, pinned("blue", "aaaaaaaaaa")},
		{"and the colour that never had it", "old", strategies.OnlyGreen, both, pinned("green", "bbbbbbbbbb")},
		{"a Service that nobody knows", "api", strategies.BothColors, both, nil},
		{"a colour that nobody is in", "web", strategies.OnlyGreen, []*strategies.Track{stable}, nil},
		{"what somebody else wrote", "web", strategies.Something, both, nil},
		{"nothing", "web", strategies.Nothing, both, nil},
		{"no track at all", "web", strategies.OnlyBlue, nil, nil},
	} {
		got := Selector(c.service, c.to, c.tracks...)
		if !maps.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got != nil && len(got) == 0 {
			t.Errorf("%s: an empty selector", c.name)
		}
	}
	if len(stable.Selectors["web"]) != 1 || len(candidate.Selectors["web"]) != 2 {
		t.Error("asking changed the tracks")
	}
}

// Whatever Git's selector is, a pinned one matches the pods of its colour and revision
// and no others.
func TestSelectorMatchesItsPods(t *testing.T) {
	one := read(t, fixture(t, "web.yaml"))
	two := read(t, swap(t, fixture(t, "web.yaml"), "web:v1", "web:v2"))
	blue, green := one.Track("c1"), two.Track("c2")
	blue.Color, green.Color = strategies.Blue, strategies.Green
	pods := map[string]map[string]string{"blue": one.PodLabels(one.Workloads[0], strategies.Blue), "green": two.PodLabels(two.Workloads[0], strategies.Green), "old green": one.PodLabels(one.Workloads[0], strategies.Green)}
	for to, reaches := range map[strategies.Selection]string{
		strategies.OnlyBlue: "blue", strategies.OnlyGreen: "green", strategies.BothColors: "blue green old green",
	} {
		selector := Selector("web", to, &green, &blue)
		for name, labels := range pods {
			if got, want := matches(selector, labels), strings.Contains(" "+reaches+" ", " "+name+" ") && (to == strategies.BothColors || name == reaches); got != want {
				t.Errorf("%s: reaches %s pods: %v", to, name, got)
			}
		}
	}
}
