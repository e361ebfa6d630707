package strategies

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

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

// word reads one of some words.
func (d *decoder) word(n *yaml.Node, field string, words ...string) string {
	if n.Kind == yaml.ScalarNode && slices.Contains(words, n.Value) {
		return n.Value
	}
	d.fault(n, "write "+strings.Join(words, " or "), "%s is %s", field, kindOf(n))
	return ""
}

func (d *decoder) integer(n *yaml.Node, field string) (int, bool) {
	v, err := strconv.ParseInt(n.Value, 10, 32)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
		d.fault(n, "write a whole number", "%s is %s, not a whole number", field, kindOf(n))
		return 0, false
	}
	return int(v), true
}

// within reads a whole number in its range; most 0 is none.
func (d *decoder) within(n *yaml.Node, field string, least, most int) (int, bool) {
	v, ok := d.integer(n, field)
	fix := fmt.Sprintf("write %d or more", least)
	if most > 0 {
		fix = fmt.Sprintf("write %d to %d", least, most)
	}
	switch {
	case !ok:
	case v < least:
		d.fault(n, fix, "%s %d is below %d", field, v, least)
		ok = false
	case most > 0 && v > most:
		d.fault(n, fix, "%s %d is above %d", field, v, most)
		ok = false
	}
	return v, ok
}

func (d *decoder) count(into *int32, field string, least int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		switch v, ok := d.integer(n, field); {
		case !ok:
		case v < least:
			d.fault(n, "write a number of pods", "%s %d is below %d", field, v, least)
		default:
			*into = int32(v)
		}
	}
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

// duration reads Argo Rollouts' forms: 30, "30", "30s", "5m", "1h".
func (d *decoder) duration(n *yaml.Node, fix string) (seconds int64, ok bool) {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		if v, err := strconv.ParseInt(n.Value, 10, 32); err == nil && v >= 0 {
			return v, true
		}
		if v, err := time.ParseDuration(n.Value); err == nil && v >= 0 && v%time.Second == 0 {
			return int64(v / time.Second), true
		}
	}
	d.fault(n, fix, "duration %q is not a time of whole seconds", n.Value)
	return 0, false
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
