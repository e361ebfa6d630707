package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/kexal/kexal/strategies"
)

// local holds a kustomization to what this commit has: kustomize would fetch anything
// else by itself, with a process or over the network. So that nothing slips by, it is
// a list of what is read, not of what is refused: a field that is not in it, and a
// path that is not in the commit, is a mistake.
//
// seen has the directories that were looked at; true while they are, against circles.
func local(tree fs.FS, dir string, seen map[string]bool) strategies.Mistakes {
	if _, known := seen[dir]; known {
		return nil
	}
	seen[dir] = true
	defer func() { seen[dir] = false }()
	l := &locality{tree: tree, dir: dir, seen: seen}
	first := ""
	for _, name := range kustomizationNames {
		l.file = path.Join(dir, name)
		src, err := fs.ReadFile(tree, l.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			l.mistakes = append(l.mistakes, Unreadable(l.file, err))
			continue
		}
		if first != "" {
			l.mistakes = append(l.mistakes, &strategies.Mistake{Path: l.file, Line: 1, Col: 1, Err: fmt.Errorf("the directory has a %s already", path.Base(first)), Fix: "keep one of them"})
		}
		first = l.file
		var doc yaml.Node
		if err := yaml.Unmarshal(src, &doc); err != nil {
			l.mistakes = append(l.mistakes, strategies.BadYAML(l.file, err))
			continue
		}
		if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
			continue // kustomize says so
		}
		l.aliases(&doc)
		fields := doc.Content[0].Content
		for i := 0; i+1 < len(fields); i += 2 {
			l.field(fields[i], fields[i+1])
		}
	}
	return l.mistakes
}

type locality struct {
	tree      fs.FS
	dir, file string
	seen      map[string]bool // by directory; true while it is looked at
	mistakes  strategies.Mistakes
}

func (l *locality) fault(n *yaml.Node, fix, format string, args ...any) {
	l.mistakes = append(l.mistakes, &strategies.Mistake{Path: l.file, Line: n.Line, Col: n.Column, Err: fmt.Errorf(format, args...), Fix: fix})
}

// aliases could name what is fetched where nobody looks.
func (l *locality) aliases(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		l.fault(n, "write the value out", "aliases are not read here")
	}
	for _, c := range n.Content {
		l.aliases(c)
	}
}

// readFields are what a misspelt one is likely meant to be.
var readFields = []string{"apiVersion", "commonAnnotations", "commonLabels", "components", "configMapGenerator", "images", "labels", "kind", "namePrefix", "nameSuffix",
	"namespace", "patches", "patchesJson6902", "patchesStrategicMerge", "replacements", "replicas", "resources", "secretGenerator"}

func (l *locality) field(key, value *yaml.Node) {
	switch key.Value {
	case "apiVersion", "kind", "metadata", "namespace", "namePrefix", "nameSuffix", "commonLabels", "labels", "commonAnnotations",
		"images", "imageTags", "replicas", "generatorOptions", "vars", "sortOptions", "buildMetadata":
		// they name no file
	case "resources", "bases", "components", "crds", "configurations", "patchesStrategicMerge":
		for _, entry := range value.Content {
			if key.Value == "patchesStrategicMerge" && strings.Contains(entry.Value, "\n") {
				continue // written out
			}
			l.target(strings.TrimSuffix(key.Value, "s"), entry)
		}
	case "patches", "patchesJson6902", "replacements":
		for _, entry := range value.Content {
			each(entry, func(k, v *yaml.Node) {
				if strings.EqualFold(k.Value, "path") {
					l.target("patch", v)
				}
			})
		}
	case "configMapGenerator", "secretGenerator":
		for _, entry := range value.Content {
			each(entry, func(k, v *yaml.Node) {
				switch strings.ToLower(k.Value) {
				case "env":
					l.target("file", v)
				case "envs", "files":
					for _, f := range v.Content {
						_, file, named := strings.Cut(f.Value, "=")
						if !named {
							file = f.Value
						}
						l.target("file", &yaml.Node{Kind: f.Kind, Tag: f.Tag, Value: file, Line: f.Line, Column: f.Column})
					}
				}
			})
		}
	default:
		fix := "remove it"
		if near := strategies.Nearest(key.Value, readFields); near != "" {
			fix = "write " + near
		}
		l.fault(key, fix, "kexal does not read %q of a kustomization", key.Value)
	}
}

func each(n *yaml.Node, do func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		do(n.Content[i], n.Content[i+1])
	}
}

// target is a path that kustomize would load: it must be in the commit.
func (l *locality) target(what string, n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!binary" {
		l.fault(n, "write a path", "this is no path")
		return
	}
	if isRemote(n.Value) {
		l.fault(n, "keep a copy of it in the repository", "%q is outside this repository", n.Value)
		return
	}
	at := path.Join(l.dir, n.Value)
	info, err := fs.Stat(l.tree, at)
	if err != nil {
		l.fault(n, "add it; nothing is fetched from elsewhere", "%s %q is not in this commit", what, n.Value)
		return
	}
	if info.IsDir() {
		switch {
		case l.seen[at]:
			l.fault(n, "take it out", "%s %q leads back to itself", what, n.Value)
			return
		case kustomization(l.tree, at) == "":
			l.fault(n, "add one, or name the directory's files", "%s %q is a directory without a kustomization.yaml", what, n.Value)
			return
		}
		l.mistakes = append(l.mistakes, local(l.tree, at, l.seen)...)
	}
}

// isRemote: what has a scheme, a user or a host. A file of such a name is refused too:
// where it does not parse, kustomize would clone it.
func isRemote(s string) bool {
	return strings.ContainsAny(s, ":@") || strings.HasPrefix(strings.ToLower(strings.TrimSpace(s)), "github.com")
}
