package strategies

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// maxRolloutBytes bounds a rollout.yaml (SPEC 3.1).
const maxRolloutBytes = 1 << 20

// Decode reads a rollout.yaml strictly (SPEC 3.1): an unknown field, a wrong type or a
// bad value is a mistake with its line and column, and all of them are returned at
// once as [Mistakes]. path is the file's name in the repository, for the messages.
func Decode(path string, src []byte) (Rollout, error) {
	d := &decoder{path: path}
	r := Rollout{Spec: defaults()}
	if len(src) > maxRolloutBytes {
		d.fault(nil, "make it smaller", "the file has %d bytes, at most %d are read", len(src), maxRolloutBytes)
		return r, d.mistakes
	}
	root := d.document(src)
	if root == nil {
		return r, d.mistakes
	}
	d.aliases(root)
	if len(d.mistakes) == 0 {
		d.rollout(root, &r)
	}
	if len(d.mistakes) > 0 {
		return r, d.mistakes
	}
	return r, nil
}

func defaults() Spec {
	return Spec{
		ProgressDeadline: 600 * time.Second,
		DeadlineAborts:   true,
		WarmWatch:        30 * time.Second,
		SwitchOverlap:    30 * time.Second,
		Canary: Canary{
			MaxSurge:       Amount{Value: 25, Percent: true},
			MaxUnavailable: Amount{Value: 25, Percent: true},
			ScaleDownDelay: 30 * time.Second,
		},
	}
}

type decoder struct {
	path     string
	mistakes Mistakes
	active   *yaml.Node // blueGreen.activeService; nil = not given
}

// fault notes a mistake at a node; n may be nil when the whole file is at fault.
func (d *decoder) fault(n *yaml.Node, fix, format string, args ...any) {
	m := &Mistake{Path: d.path, Line: 1, Col: 1, Err: fmt.Errorf(format, args...), Fix: fix}
	if n != nil && n.Line > 0 {
		m.Line, m.Col = n.Line, n.Column
	}
	d.mistakes = append(d.mistakes, m)
}

// document parses the one YAML document of the file.
func (d *decoder) document(src []byte) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			d.fault(nil, "write apiVersion, kind and spec", "the file is empty")
		} else {
			d.mistakes = append(d.mistakes, BadYAML(d.path, err))
		}
		return nil
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		d.fault(&second, "keep one rollout in a file", "the file holds more than one YAML document")
		return nil
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		d.fault(nil, "write apiVersion, kind and spec", "the file is not a mapping of fields")
		return nil
	}
	return doc.Content[0]
}

// aliases refuses anchors' uses and merge keys, which can make a small file huge.
func (d *decoder) aliases(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.fault(n, "write the value out", "aliases are not read here")
		return
	case n.Kind == yaml.ScalarNode && n.Tag == "!!merge":
		d.fault(n, "write the fields out", "merge keys are not read here")
	}
	for _, c := range n.Content {
		d.aliases(c)
	}
}

// fields says what each field of a mapping does.
type fields map[string]func(*yaml.Node)

// later is a field that is known but that this version does not act on: it is refused,
// never ignored (SPEC 3.2).
func (d *decoder) later(why string) func(*yaml.Node) {
	return func(n *yaml.Node) { d.fault(n, "remove it", "%s", why) }
}

// mapping calls the function of each field of n; where names the mapping in messages.
func (d *decoder) mapping(n *yaml.Node, where string, known fields) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return // `spec:` with nothing under it is the empty mapping
	}
	if n.Kind != yaml.MappingNode {
		d.fault(n, "write fields under it", "%s is %s, not a mapping", where, kindOf(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case !ok:
			d.fault(key, suggestion(key.Value, known), "%s has no field %q", where, key.Value)
		case seen[key.Value]:
			d.fault(key, "keep one of them", "%s is written twice", key.Value)
		default:
			read(value)
		}
		seen[key.Value] = true
	}
}

func (d *decoder) rollout(n *yaml.Node, r *Rollout) {
	var version, kind string
	at := map[string]*yaml.Node{"apiVersion": n, "kind": n} // where to point when they are wrong
	said := func(field string, into *string) func(*yaml.Node) {
		return func(v *yaml.Node) {
			at[field] = v
			d.text(into)(v)
		}
	}
	hasSpec := false
	d.mapping(n, "the file", fields{
		"apiVersion": said("apiVersion", &version),
		"kind":       said("kind", &kind),
		"metadata": func(n *yaml.Node) {
			d.mapping(n, "metadata", fields{
				"name":        d.text(&r.Name),
				"namespace":   d.text(&r.Namespace),
				"annotations": func(*yaml.Node) {},
				"labels":      func(*yaml.Node) {},
			})
		},
		"spec": func(n *yaml.Node) {
			hasSpec = true
			d.spec(n, &r.Spec)
		},
	})
	if version != APIVersion {
		d.fault(at["apiVersion"], "write apiVersion: "+APIVersion, "apiVersion %q is not known", version)
	}
	if kind != "Rollout" {
		d.fault(at["kind"], "write kind: Rollout", "kind %q is not known", kind)
	}
	if !hasSpec {
		d.fault(n, "write spec: {strategy: {canary: {steps: [...]}}}", "the file has no spec")
	}
}

func (d *decoder) spec(n *yaml.Node, s *Spec) {
	const notYet = "not supported by this version of kexal"
	strategy := false
	var watch, services, previews *yaml.Node
	d.mapping(n, "spec", fields{
		"workloads": d.names(&s.Workloads),
		"services": func(n *yaml.Node) {
			services = n
			d.names(&s.Services)(n)
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
		"preview": func(n *yaml.Node) {
			d.mapping(n, "preview", fields{
				"services": func(n *yaml.Node) {
					previews = n
					d.boolean(&s.Previews)(n)
				},
				"ingresses": d.later("preview.ingresses is " + notYet),
				"nodePort":  d.later("preview.nodePort is " + notYet + "; a preview is a ClusterIP Service"),
			})
		},
		"paused":  d.boolean(&s.Intents.Paused),
		"promote": func(n *yaml.Node) { s.Intents.Promote = d.promote(n) },
		"abort":   func(n *yaml.Node) { s.Intents.Abort = d.revision(n, "abort") },

		"source":         d.source,
		"rollbackWindow": d.later("rollbackWindow is " + notYet),
		"windows":        d.later("windows are " + notYet),
		"onFailure":      d.later("onFailure is " + notYet),
		"onRemoval":      d.later("onRemoval is " + notYet),
		"renamedFrom":    d.later("renamedFrom is " + notYet),
		"firstRelease":   d.later("firstRelease is " + notYet),
		"siblings":       d.later("siblings is " + notYet),
		"retry":          d.later("retry is " + notYet + "; push a change instead"),
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
	switch b := s.BlueGreen; {
	case b == nil && s.Previews:
		d.fault(previews, "remove it", "preview.services with a canary by replica ratio is %s", notYet)
	case b == nil:
	case previews == nil:
		s.Previews = true // SPEC 3.4
	case b.PreviewService != "" && !s.Previews:
		d.fault(previews, "remove one of them", "preview.services is false, and blueGreen.previewService names %s", b.PreviewService)
	}
	if d.active != nil { // SPEC 3.3: it means services: [NAME]
		var name string
		d.text(&name)(d.active)
		switch {
		case name == "":
			if d.active.Kind == yaml.ScalarNode {
				d.fault(d.active, "name a Service, or leave it out", "activeService is empty")
			}
		case services == nil:
			services, s.Services = d.active, []string{name}
		case !slices.Contains(s.Services, name):
			d.fault(d.active, "keep one of them", "activeService %s is not in spec.services", name)
		}
	}
	if b := s.BlueGreen; b != nil && b.PreviewService != "" && slices.Contains(s.Services, b.PreviewService) {
		d.fault(services, "name two Services", "Service %s cannot be both the preview and one that is switched", b.PreviewService)
	}
}

// source has one setting now: none, which takes the kustomization, else every YAML
// file of the directory.
func (d *decoder) source(n *yaml.Node) {
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 || n.Tag == "!!null" {
		return
	}
	d.fault(n, "write source: {} or leave it out", "only the directory's own kustomization or YAML files are read by this version of kexal")
}

func (d *decoder) strategy(n *yaml.Node, s *Spec) {
	canary, unknown := false, len(d.mistakes)
	d.mapping(n, "strategy", fields{
		"canary": func(n *yaml.Node) {
			canary = true
			d.canary(n, &s.Canary)
		},
		"blueGreen": func(n *yaml.Node) {
			s.BlueGreen = &BlueGreen{
				AutoPromotion:  true,
				MaxUnavailable: Amount{Value: 25, Percent: true},
				ScaleDownDelay: 30 * time.Second,
				AbortDelay:     30 * time.Second,
			}
			d.blueGreen(n, s.BlueGreen)
		},
		"rollingUpdate": d.later("rollingUpdate is not supported by this version of kexal"),
	})
	switch {
	case canary && s.BlueGreen != nil:
		d.fault(n, "keep one of them", "strategy has both canary and blueGreen")
	case !canary && s.BlueGreen == nil && len(d.mistakes) == unknown:
		d.fault(n, "write canary: {steps: [...]} or blueGreen: {}", "strategy names neither canary nor blueGreen")
	}
}

func (d *decoder) blueGreen(n *yaml.Node, b *BlueGreen) {
	const notYet = " is not supported by this version of kexal"
	d.mapping(n, "blueGreen", fields{
		"autoPromotionEnabled":       d.boolean(&b.AutoPromotion),
		"autoPromotionSeconds":       d.seconds(&b.PromoteAfter, 0),
		"previewReplicaCount":        d.count(&b.PreviewReplicas, "previewReplicaCount"),
		"maxUnavailable":             d.amount(&b.MaxUnavailable),
		"scaleDownDelaySeconds":      d.seconds(&b.ScaleDownDelay, 0),
		"abortScaleDownDelaySeconds": d.seconds(&b.AbortDelay, 0),
		"previewService":             d.text(&b.PreviewService),
		"activeService":              func(n *yaml.Node) { d.active = n },

		"prePromotionAnalysis":        d.later("prePromotionAnalysis" + notYet),
		"postPromotionAnalysis":       d.later("postPromotionAnalysis" + notYet),
		"antiAffinity":                d.later("antiAffinity" + notYet),
		"activeMetadata":              d.later("activeMetadata" + notYet),
		"previewMetadata":             d.later("previewMetadata" + notYet),
		"scaleDownDelayRevisionLimit": d.later("scaleDownDelayRevisionLimit has no meaning here: there are two colours, and one old revision is kept"),
	})
}

func (d *decoder) canary(n *yaml.Node, c *Canary) {
	const router = " needs a traffic router, which this version of kexal does not drive"
	const notYet = " is not supported by this version of kexal"
	d.mapping(n, "canary", fields{
		"steps":                 func(n *yaml.Node) { c.Steps = d.steps(n) },
		"maxSurge":              d.amount(&c.MaxSurge),
		"maxUnavailable":        d.amount(&c.MaxUnavailable),
		"scaleDownDelaySeconds": d.seconds(&c.ScaleDownDelay, 0),

		"canaryService":               d.later("canaryService" + notYet),
		"stableService":               d.later("stableService" + notYet),
		"analysis":                    d.later("analysis" + notYet),
		"canaryMetadata":              d.later("canaryMetadata" + notYet),
		"stableMetadata":              d.later("stableMetadata" + notYet),
		"antiAffinity":                d.later("antiAffinity" + notYet),
		"replicaProgressThreshold":    d.later("replicaProgressThreshold" + notYet),
		"trafficRouting":              d.later("trafficRouting" + router),
		"scaleDownDelayRevisionLimit": d.later("scaleDownDelayRevisionLimit" + router),
		"abortScaleDownDelaySeconds":  d.later("abortScaleDownDelaySeconds" + router),
		"dynamicStableScale":          d.later("dynamicStableScale" + router),
		"pingPong":                    d.later("pingPong" + router),
		"minPodsPerReplicaSet":        d.later("minPodsPerReplicaSet" + router),
	})
	if c.MaxSurge.Value == 0 && c.MaxUnavailable.Value == 0 {
		d.fault(n, "raise one of them", "maxSurge and maxUnavailable are both 0: no pod could ever be replaced")
	}
}

func (d *decoder) steps(n *yaml.Node) []Step {
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "write a list: - setWeight: 20", "steps is %s, not a list", kindOf(n))
		return nil
	}
	var steps []Step
	for i, entry := range n.Content {
		var s Step
		set := 0
		where := fmt.Sprintf("step %d", i+1)
		unknown := len(d.mistakes)
		d.mapping(entry, where, fields{
			"setWeight": func(n *yaml.Node) {
				set++
				s.SetWeight = d.weight(n)
			},
			"pause": func(n *yaml.Node) {
				set++
				s.Pause = d.pause(n)
			},
			"setCanaryScale": d.later("setCanaryScale needs a traffic router, which this version of kexal does not drive"),
			"setHeaderRoute": d.later("setHeaderRoute needs a traffic router, which this version of kexal does not drive"),
			"setMirrorRoute": d.later("setMirrorRoute needs a traffic router, which this version of kexal does not drive"),
			"analysis":       d.later("analysis is not supported by this version of kexal"),
			"experiment":     d.later("experiment is not supported by this version of kexal"),
			"plugin":         d.later("plugin steps are not supported"),
		})
		if set != 1 && len(d.mistakes) == unknown {
			d.fault(entry, "write setWeight or pause, one for each step", "%s says %d things, not one", where, set)
		}
		steps = append(steps, s)
	}
	return steps
}

func (d *decoder) weight(n *yaml.Node) *int {
	w, ok := d.integer(n, "setWeight")
	switch {
	case !ok:
		return nil
	case w > 100:
		d.fault(n, "write a percentage from 0 to 100", "setWeight %d is above 100", w)
	case w < 0:
		d.fault(n, "write a percentage from 0 to 100", "setWeight %d is below 0", w)
	}
	return &w
}

func (d *decoder) pause(n *yaml.Node) *Pause {
	p := &Pause{}
	d.mapping(n, "pause", fields{
		"duration": func(n *yaml.Node) {
			if secs, ok := d.duration(n); ok {
				p.Seconds = &secs
			}
		},
	})
	return p
}

// duration reads Argo Rollouts' forms: 30, "30", "30s", "5m", "1h".
func (d *decoder) duration(n *yaml.Node) (seconds int64, ok bool) {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		if v, err := strconv.ParseInt(n.Value, 10, 32); err == nil && v >= 0 {
			return v, true
		}
		if v, err := time.ParseDuration(n.Value); err == nil && v >= 0 && v%time.Second == 0 {
			return int64(v / time.Second), true
		}
	}
	d.fault(n, "write seconds, or 30s, 5m, 1h; leave it out to wait for promote", "duration %q is not a time of whole seconds", n.Value)
	return 0, false
}

func (d *decoder) promote(n *yaml.Node) *Promote {
	p := &Promote{}
	if n.Kind == yaml.ScalarNode {
		p.Revision = d.revision(n, "promote")
		return p
	}
	stepped := false
	d.mapping(n, "promote", fields{
		"revision": func(n *yaml.Node) { p.Revision = d.revision(n, "promote.revision") },
		"step": func(n *yaml.Node) {
			stepped = true
			if v, ok := d.integer(n, "step"); ok {
				if p.Step = v; v < 1 {
					d.fault(n, "count from 1", "promote.step %d is no step", v)
				}
			}
		},
		"full":          d.boolean(&p.Full),
		"ignoreWindows": d.later("windows are not supported by this version of kexal"),
	})
	if p.Revision == "" {
		d.fault(n, "add revision: REV, as `kexal get` shows it", "promote names no revision")
	}
	if stepped && p.Full {
		d.fault(n, "keep one of them", "promote has both step and full")
	}
	return p
}

// revision is the scalar's text as written, whatever YAML takes it for (SPEC 4.1).
func (d *decoder) revision(n *yaml.Node, field string) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		d.fault(n, "write a revision, as `kexal get` shows it", "%s is %s, not a revision", field, kindOf(n))
		return ""
	}
	return n.Value
}

func (d *decoder) amount(into *Amount) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, percent := strings.CutSuffix(n.Value, "%")
		v, err := strconv.ParseInt(text, 10, 32)
		if n.Kind != yaml.ScalarNode || err != nil || v < 0 {
			d.fault(n, "write a number of pods, or a percentage such as 25%", "%q is not an amount of pods", n.Value)
			return
		}
		*into = Amount{Value: int32(v), Percent: percent}
	}
}

func (d *decoder) text(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode {
			d.fault(n, "write one word", "%s where a word belongs", kindOf(n))
			return
		}
		*into = n.Value
	}
}

func (d *decoder) names(into *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			d.fault(n, "write a list such as [web]", "%s where a list of names belongs", kindOf(n))
			return
		}
		for _, c := range n.Content {
			var s string
			d.text(&s)(c)
			*into = append(*into, s)
		}
	}
}

func (d *decoder) boolean(into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			d.fault(n, "write true or false", "%q is neither true nor false", n.Value)
			return
		}
		*into = strings.EqualFold(n.Value, "true")
	}
}

func (d *decoder) integer(n *yaml.Node, field string) (int, bool) {
	v, err := strconv.ParseInt(n.Value, 10, 32)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
		d.fault(n, "write a whole number", "%s is %s, not a whole number", field, kindOf(n))
		return 0, false
	}
	return int(v), true
}

func (d *decoder) count(into *int32, field string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, ok := d.integer(n, field)
		switch {
		case !ok:
		case v < 0:
			d.fault(n, "write a number of pods", "%s %d is below 0", field, v)
		default:
			*into = int32(v)
		}
	}
}

func (d *decoder) seconds(into *time.Duration, least int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, ok := d.integer(n, "a number of seconds")
		if !ok {
			return
		}
		if v < least {
			d.fault(n, fmt.Sprintf("write %d or more", least), "%d seconds is below %d", v, least)
			return
		}
		*into = time.Duration(v) * time.Second
	}
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.Tag == "!!null" {
		return "empty"
	}
	return fmt.Sprintf("%q", n.Value)
}
