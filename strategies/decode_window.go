package strategies

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"
)

func (d *decoder) windows(n *yaml.Node) []Window {
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "write a list: - {schedule: 0 9 * * 1-5, duration: 8h}", "windows is %s, not a list", kindOf(n))
		return nil
	}
	if len(n.Content) > maxWindows {
		d.fault(n, "say it with fewer", "%d windows are more than %d", len(n.Content), maxWindows)
		return nil
	}
	var windows []Window
	for i, entry := range n.Content {
		windows = append(windows, d.window(entry, fmt.Sprintf("window %d", i+1)))
	}
	return windows
}

func (d *decoder) window(n *yaml.Node, where string) (w Window) {
	const fix = "write seconds, or 30m, 8h"
	scheduled, lasting := false, false
	d.mapping(n, where, noTable, fields{
		"schedule": func(n *yaml.Node) {
			scheduled = true
			if n.Kind != yaml.ScalarNode {
				d.text(&w.Schedule)(n)
				return
			}
			w.Schedule = n.Value
			if _, err := schedule(w.Schedule); err != nil {
				d.fault(n, "write minute, hour, day, month and weekday, such as 0 9 * * 1-5", "schedule %q is none: %w", w.Schedule, err)
			}
		},
		"duration": func(n *yaml.Node) {
			lasting = true
			seconds, ok := d.duration(n, fix)
			w.Duration = time.Duration(seconds) * time.Second
			switch {
			case !ok:
			case seconds == 0:
				d.fault(n, fix, "a window of no duration is none")
			case w.Duration > maxWindow:
				d.fault(n, "write 744h or less", "duration %s is above 31 days", n.Value)
			}
		},
		"timeZone": func(n *yaml.Node) {
			d.text(&w.TimeZone)(n)
			if _, err := zone(w.TimeZone); err != nil {
				d.fault(n, "write one such as Europe/Madrid, or leave it out for UTC", "time zone %q is not known: %w", w.TimeZone, err)
			}
		},
		"kind": func(n *yaml.Node) { w.Freeze = d.word(n, "kind", "allow", "freeze") == "freeze" },
	})
	if n.Kind == yaml.MappingNode && !(scheduled && lasting) {
		d.fault(n, "write {schedule: 0 9 * * 1-5, duration: 8h}", "%s has no schedule or no duration", where)
	}
	return w
}
