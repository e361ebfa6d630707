package strategies

import "go.yaml.in/yaml/v4"

func (d *decoder) promote(n *yaml.Node) *Promote {
	p := &Promote{}
	if n.Kind == yaml.ScalarNode {
		p.Revision = d.revision(n, "promote")
		return p
	}
	stepped := false
	d.mapping(n, "promote", noTable, fields{
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
		"ignoreWindows": d.boolean(&p.AnyTime),
	})
	if p.Revision == "" {
		d.fault(n, "add revision: REV, as `kexal get` shows it", "promote names no revision")
	}
	if stepped && p.Full {
		d.fault(n, "keep one of them", "promote has both step and full")
	}
	return p
}

func (d *decoder) retry(n *yaml.Node) *Retry {
	r := &Retry{}
	attempt := false
	d.mapping(n, "retry", noTable, fields{
		"revision": func(n *yaml.Node) { r.Revision = d.revision(n, "retry.revision") },
		"attempt": func(n *yaml.Node) {
			attempt = true
			if v, ok := d.integer(n, "attempt"); ok {
				if r.Attempt = v; v < 2 { // SPEC 4.6
					d.fault(n, "count on from 1, the first", "retry.attempt %d is not another one", v)
				}
			}
		},
	})
	if n.Kind == yaml.MappingNode && r.Revision == "" {
		d.fault(n, "add revision: REV, as `kexal get` shows it", "retry names no revision")
	}
	if n.Kind == yaml.MappingNode && !attempt {
		d.fault(n, "add attempt: 2, or one more than `kexal get` shows", "retry names no attempt")
	}
	return r
}

// revision is the scalar's text as written, whatever YAML takes it for (SPEC 4.1).
func (d *decoder) revision(n *yaml.Node, field string) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		d.fault(n, "write a revision, as `kexal get` shows it", "%s is %s, not a revision", field, kindOf(n))
		return ""
	}
	return n.Value
}
