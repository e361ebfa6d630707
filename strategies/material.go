package strategies

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Material is what a release is rendered from (spec.source). With nothing set it is what the
// directory of rollout.yaml has: its kustomization, else its chart, else its YAML files
// (SPEC 1.3). At most one of the three is set. Paths are relative to that directory, and stay in
// the repository.
type Material struct {
	Kustomize string   `json:",omitempty"` // a directory with a kustomization
	Helm      *Helm    `json:",omitempty"`
	Manifests []string `json:",omitempty"` // globs of YAML files (path.Match: * stays in its directory)

	// Images are where the images of the pods are pulled from instead: the beginning of a name, up
	// to a /, and what stands in its place. The longest that fits counts.
	Images map[string]string `json:",omitempty"`
}

// Helm is a chart that is kept in the repository, with all that it depends on.
type Helm struct {
	Chart       string         `json:",omitempty"` // its directory; empty = that of rollout.yaml
	Values      []string       `json:",omitempty"` // files, each over those before it and over the chart's own values
	Set         map[string]any `json:",omitempty"` // single values over the files, by their path such as image.tag
	Release     string         `json:",omitempty"` // releaseName; empty = the rollout's name
	KubeVersion string         `json:",omitempty"` // .Capabilities.KubeVersion; empty = that of the Helm library
	APIVersions []string       `json:",omitempty"` // .Capabilities.APIVersions beside those of Kubernetes itself
}

// source is one of the three ways to render, or none.
func (d *decoder) source(n *yaml.Node) (m Material) {
	var said []string
	d.mapping(n, "source", "source", fields{
		"kustomize": func(n *yaml.Node) {
			said = append(said, "kustomize")
			d.mapping(n, "kustomize", noTable, fields{"path": d.inRepository(&m.Kustomize)})
			if m.Kustomize == "" {
				m.Kustomize = "."
			}
		},
		"helm": func(n *yaml.Node) {
			said = append(said, "helm")
			m.Helm = d.helm(n)
		},
		"manifests": func(n *yaml.Node) {
			said = append(said, "manifests")
			d.list(n, func(n *yaml.Node) {
				var glob string
				if d.inRepository(&glob)(n); glob == "" {
					return
				}
				if _, err := path.Match(glob, ""); err != nil {
					d.fault(n, "mend it: [ begins a set of characters that ] ends", "%q is no pattern", glob)
				}
				m.Manifests = append(m.Manifests, glob)
			})
			if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
				d.fault(n, `write ["*.yaml"], or leave it out`, "manifests names no files")
			}
		},
		"images": func(n *yaml.Node) { m.Images = d.images(n) },
	})
	if len(said) > 1 { // images are beside each of them
		d.fault(n, "keep one of them", "source has %s", strings.Join(said, " and "))
	}
	return m
}

// images are where images come from. Both sides end with a /: half of a name is none.
func (d *decoder) images(n *yaml.Node) map[string]string {
	all := map[string]string{}
	d.entries(n, "images", func(key, value *yaml.Node) {
		var to string
		d.text(&to)(value)
		const fix = `write the registry, or one and a path, up to a /, such as docker.io/: registry.example/mirror/`
		switch {
		case !strings.HasSuffix(key.Value, "/") || len(key.Value) == 1:
			d.fault(key, fix, "%q is not the beginning of an image's name", key.Value)
		case to != "" && (!strings.HasSuffix(to, "/") || strings.Contains(to, "://")):
			d.fault(value, fix, "%q is no place for images", to)
		case to != "":
			all[key.Value] = to
		}
	})
	return all
}

func (d *decoder) helm(n *yaml.Node) *Helm {
	h := &Helm{}
	d.mapping(n, "helm", noTable, fields{
		"chart": d.inRepository(&h.Chart),
		"values": func(n *yaml.Node) {
			d.list(n, func(n *yaml.Node) {
				var file string
				d.inRepository(&file)(n)
				h.Values = append(h.Values, file)
			})
		},
		"set": func(n *yaml.Node) {
			h.Set = map[string]any{}
			d.entries(n, "set", func(key, value *yaml.Node) {
				var v any
				if value.Kind != yaml.ScalarNode || value.Decode(&v) != nil {
					d.fault(value, "write one value by its path, such as image.tag: v2, or a values file", "%s in set is %s", key.Value, kindOf(value))
					return
				}
				h.Set[key.Value] = v
			})
		},
		"releaseName": d.text(&h.Release),
		"kubeVersion": d.text(&h.KubeVersion),
		"apiVersions": d.names(&h.APIVersions),
	})
	return h
}

func (d *decoder) list(n *yaml.Node, each func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "write a list such as [values.yaml]", "%s where a list of files belongs", kindOf(n))
		return
	}
	for _, c := range n.Content {
		each(c)
	}
}

// inRepository reads a path that is fetched from nowhere.
func (d *decoder) inRepository(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var p string
		if d.text(&p)(n); p == "" {
			return
		}
		if path.IsAbs(p) || strings.ContainsAny(p, ":@\\") {
			d.fault(n, "keep a copy of it in the repository, and write its path from here", "%q is outside this repository", p)
			return
		}
		*into = path.Clean(p)
	}
}
