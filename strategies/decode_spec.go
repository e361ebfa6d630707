package strategies

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

func defaults() Spec {
	return Spec{
		ProgressDeadline: 600 * time.Second,
		DeadlineAborts:   true,
		WarmWatch:        30 * time.Second,
		SwitchOverlap:    30 * time.Second,
		Canary:           canaryDefaults(),
	}
}

func (d *decoder) spec(n *yaml.Node, s *Spec) {
	strategy := false
	var watch, services, previews, ways *yaml.Node
	d.mapping(n, "spec", "", fields{
		"source":    func(n *yaml.Node) { s.Material = d.source(n) },
		"workloads": d.names(&s.Workloads),
		"services": func(n *yaml.Node) {
			services = n
			d.names(&s.Services)(n)
		},
		"preview": func(n *yaml.Node) {
			d.mapping(n, "preview", "preview", fields{
				"services": func(n *yaml.Node) {
					previews = n
					d.boolean(&s.Previews)(n)
				},
				"ingresses": func(n *yaml.Node) {
					ways = n
					s.PreviewHost = d.hostPrefix(n)
				},
				"nodePort": func(n *yaml.Node) {
					ways = n
					s.PreviewNodePort = d.word(n, "preview.nodePort", "auto", "none") == "auto"
				},
			})
		},
		"strategy": func(n *yaml.Node) {
			strategy = true
			d.strategy(n, s)
		},
		"progressDeadlineSeconds": d.seconds(&s.ProgressDeadline, 1),
		"progressDeadlineAbort":   d.boolean(&s.DeadlineAborts),
		"warmWatchSeconds": func(n *yaml.Node) {
			watch = n
			d.seconds(&s.WarmWatch, 0)(n)
		},
		"switchOverlapSeconds": d.seconds(&s.SwitchOverlap, 0),
		"firstRelease": func(n *yaml.Node) {
			s.FirstGated = d.word(n, "firstRelease", "gated", "ungated") == "gated"
		},
		"rollbackWindow": func(n *yaml.Node) { s.RollbackWindow = d.rollbackWindow(n) },
		"windows":        func(n *yaml.Node) { s.Windows = d.windows(n) },

		"paused":  d.boolean(&s.Intents.Paused),
		"promote": func(n *yaml.Node) { s.Intents.Promote = d.promote(n) },
		"abort":   func(n *yaml.Node) { s.Intents.Abort = d.revision(n, "abort") },
		"retry":   func(n *yaml.Node) { s.Intents.Retry = d.retry(n) },
	})
	if !strategy {
		d.fault(n, "write strategy: {canary: {steps: [...]}} or strategy: {blueGreen: {}}", "spec has no strategy")
	}
	switch delay := s.scaleDownDelay(); {
	case s.WarmWatch <= delay:
	case watch != nil:
		d.fault(watch, "lower it, or raise scaleDownDelaySeconds", "warmWatchSeconds is above scaleDownDelaySeconds (%d)", int(delay.Seconds()))
	default:
		s.WarmWatch = delay // SPEC 5.16: at most the delay
	}
	d.previews(s, previews)
	if ways != nil && !s.Previews && (previews == nil || previews.Value == "false") {
		why := "preview.services is false"
		if previews == nil {
			why = "a canary by replica ratio has no previews"
		}
		d.fault(ways, "remove it", "preview has a way to Services that are not made: %s", why)
	}
	d.services(s, services)
}

// hostPrefix is what hosts of preview Ingresses begin with: labels of a name, with a dot or a dash at
// the end.
func (d *decoder) hostPrefix(n *yaml.Node) (prefix string) {
	var said *yaml.Node
	d.mapping(n, "preview.ingresses", "preview.ingresses", fields{"hostPrefix": func(n *yaml.Node) {
		said = n
		d.text(&prefix)(n)
	}})
	switch {
	case said == nil:
		d.fault(n, "write hostPrefix: preview.", "preview.ingresses has no hostPrefix")
	case !hostPrefixes.MatchString(prefix) && said.Kind == yaml.ScalarNode:
		d.fault(said, "write something like preview. or try-", "%q cannot begin the name of a host", prefix)
		return ""
	}
	return prefix
}

var hostPrefixes = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*[.-]$`)

// previews settles whether candidates get Services of their own (SPEC 3.4); said is what
// preview.services says, if anything.
func (d *decoder) previews(s *Spec, said *yaml.Node) {
	b := s.BlueGreen
	possible := b != nil || s.Canary.routed()
	switch {
	case !possible && s.Previews:
		d.fault(said, "remove it", "preview.services with a canary by replica ratio"+notYet)
	case said == nil:
		s.Previews = possible
	case b != nil && b.PreviewService != "" && !s.Previews:
		d.fault(said, "remove one of them", "preview.services is false, and blueGreen.previewService names %s", b.PreviewService)
	}
}

// services settles which Services are switched, where blue/green names some of its own
// (SPEC 3.3); said is spec.services, if it is there.
func (d *decoder) services(s *Spec, said *yaml.Node) {
	if d.active != nil { // it means services: [NAME]
		var name string
		d.text(&name)(d.active)
		switch {
		case name == "":
			if d.active.Kind == yaml.ScalarNode {
				d.fault(d.active, "name a Service, or leave it out", "activeService is empty")
			}
		case said == nil:
			said, s.Services = d.active, []string{name}
		case !slices.Contains(s.Services, name):
			d.fault(d.active, "keep one of them", "activeService %s is not in spec.services", name)
		}
	}
	if b := s.BlueGreen; b != nil && b.PreviewService != "" && slices.Contains(s.Services, b.PreviewService) {
		d.fault(said, "name two Services", "Service %s cannot be both the preview and one that is switched", b.PreviewService)
	}
}

func (d *decoder) rollbackWindow(n *yaml.Node) (revisions int) {
	said := false
	d.mapping(n, "rollbackWindow", "rollbackWindow", fields{
		"revisions": func(n *yaml.Node) {
			said = true
			revisions, _ = d.within(n, "rollbackWindow.revisions", 1, 20)
		},
	})
	if n.Kind == yaml.MappingNode && !said {
		d.fault(n, "write {revisions: 3}, or leave it out", "rollbackWindow says no number of revisions")
	}
	return revisions
}

func (d *decoder) strategy(n *yaml.Node, s *Spec) {
	has := map[string]bool{}
	unknown := len(d.mistakes)
	d.mapping(n, "strategy", "strategy", fields{
		"canary": func(n *yaml.Node) {
			has["canary"] = true
			s.Canary = d.canary(n)
		},
		"blueGreen": func(n *yaml.Node) {
			has["blueGreen"] = true
			s.BlueGreen = d.blueGreen(n)
		},
		"rollingUpdate": func(n *yaml.Node) {
			has["rollingUpdate"] = true
			s.Rolling, s.Canary = true, d.rollingUpdate(n)
		},
	})
	switch {
	case len(has) > 1:
		d.fault(n, "keep one of them", "strategy has %s", strings.Join(slices.Sorted(maps.Keys(has)), " and "))
	case len(has) == 0 && len(d.mistakes) == unknown:
		d.fault(n, "write canary: {steps: [...]} or blueGreen: {}", "strategy names neither canary, blueGreen nor rollingUpdate")
	}
}
