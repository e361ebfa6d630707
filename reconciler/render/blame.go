package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/kexal/kexal/strategies"
)

// blame finds what in a kustomization, or in the files it names, kustomize complains
// about. It speaks of its own doings ("accumulating resources …") and names hardly a line:
// first the files are read again, and what is wrong with one is said as of a plain
// directory; then its commonest complaints are said in an author's words.
func blame(tree fs.FS, dir string, said error) strategies.Mistakes {
	t := follow(tree, dir, strategies.Material{})
	if len(t.broken) > 0 {
		return t.broken
	}
	words := oneLine(said.Error())
	for _, c := range complaints {
		m := c.words.FindStringSubmatch(words)
		if m == nil {
			continue
		}
		if file, n := c.at(t, m); n != nil {
			line, col := position(nil, n)
			return strategies.Mistakes{{Path: file, Line: line, Col: col, Err: errors.New(expand(c.says, m)), Fix: expand(c.fix, m)}}
		}
	}
	return strategies.Mistakes{{Path: t.top(), Line: 1, Col: 1, Err: fmt.Errorf("kustomize: %s", words), Fix: "try `kubectl kustomize " + dir + "`"}}
}

var (
	addresses = regexp.MustCompile(`&\{[^{}]*\} ?`)
	rooted    = regexp.MustCompile(`(^|['" ])/`)
)

// oneLine makes kustomize's words the same each time, and its paths the repository's.
func oneLine(words string) string {
	words = addresses.ReplaceAllString(words, "") // the memory address of something
	return rooted.ReplaceAllString(strings.Join(strings.Fields(words), " "), "$1")
}

// expand puts what was found in kustomize's words into ours.
func expand(ours string, found []string) string {
	for i, f := range found {
		ours = strings.ReplaceAll(ours, fmt.Sprintf("$%d", i), f)
	}
	return ours
}

// complaints are kustomize's, as v0.21 words them. at finds what it means, or nil.
var complaints = []struct {
	words     *regexp.Regexp
	at        func(t *trail, found []string) (file string, n *yaml.Node)
	says, fix string
}{
	{
		regexp.MustCompile(`already registered id: (\w+)\.\S*/([^.\s]+)\.`), (*trail).twice,
		"$1 $2 is there already", "keep one of them",
	}, {
		regexp.MustCompile(`no resource matches strategic merge patch "(\w+)\.\S*/([^.\s]+)\.`), (*trail).forNobody,
		"the patch is for $1 $2, which is not among the resources", "mend its kind or its name, or add the resource",
	}, {
		regexp.MustCompile(`unknown field "([^"]+)"`), func(t *trail, m []string) (string, *yaml.Node) {
			return t.only(func(s sheet) []*yaml.Node { return keys(s.root, m[1]) })
		},
		"kustomize knows no field $1 here", "mend its spelling, or remove it",
	}, {
		unmarshals(`\[\]\w+`), ofAnotherType(yaml.SequenceNode, ""),
		"$1 is not a list", "write - and an entry, one on each line",
	}, {
		unmarshals(`map\[`), ofAnotherType(yaml.MappingNode, ""),
		"$1 is not a mapping", "write KEY: VALUE",
	}, {
		unmarshals(`int`), ofAnotherType(yaml.ScalarNode, "!!int"),
		"$1 is not a whole number", "write digits, without quotes",
	}, {
		unmarshals(`bool`), ofAnotherType(yaml.ScalarNode, "!!bool"),
		"$1 is neither true nor false", "write true or false",
	}, {
		unmarshals(`string`), ofAnotherType(yaml.ScalarNode, "!!str"),
		"$1 is not text", "write one word",
	}, {
		regexp.MustCompile(`invalid literal source (.+), expected`), func(t *trail, m []string) (string, *yaml.Node) {
			return t.inEntries([]string{"configMapGenerator", "secretGenerator"}, func(entry *yaml.Node) *yaml.Node {
				for _, literal := range entries(entry, "literals") {
					if literal.Value == m[1] {
						return literal
					}
				}
				return nil
			})
		},
		"the literal $1 has no value", "write KEY=VALUE",
	}, {
		regexp.MustCompile(`a (configmap|secret) must have a name`), func(t *trail, _ []string) (string, *yaml.Node) {
			return t.inEntries([]string{"configMapGenerator", "secretGenerator"}, func(entry *yaml.Node) *yaml.Node {
				if text(entry, "name") == "" {
					return entry
				}
				return nil
			})
		},
		"the $1 to generate has no name", "add name: NAME",
	}, {
		regexp.MustCompile(`Name:"([^"]+)".* does not exist; cannot merge or replace`), func(t *trail, m []string) (string, *yaml.Node) {
			return t.inEntries([]string{"configMapGenerator", "secretGenerator"}, func(entry *yaml.Node) *yaml.Node {
				if _, behavior := child(entry, "behavior"); text(entry, "name") == m[1] {
					return behavior
				}
				return nil
			})
		},
		"$1 is not there to be merged with or replaced", "remove behavior, or add the resource it is for",
	}, {
		regexp.MustCompile(`resource with name (\S+) does not match a config`), func(t *trail, m []string) (string, *yaml.Node) {
			return t.inEntries([]string{"replicas"}, func(entry *yaml.Node) *yaml.Node {
				if _, name := child(entry, "name"); name != nil && name.Value == m[1] {
					return name
				}
				return nil
			})
		},
		"replicas names $1, which is no Deployment among the resources", "mend the name, or remove the entry",
	}, {
		regexp.MustCompile(`must specify one of patch and path`), func(t *trail, _ []string) (string, *yaml.Node) {
			return t.inEntries([]string{"patches", "patchesJson6902"}, func(entry *yaml.Node) *yaml.Node {
				if text(entry, "patch") == "" && text(entry, "path") == "" {
					return entry
				}
				return nil
			})
		},
		"the patch says nothing", "add path: FILE or patch: |",
	}, {
		regexp.MustCompile(`(apiVersion|kind)(?: for Kustomization)? should be (.+)$`), func(t *trail, m []string) (string, *yaml.Node) {
			return t.only(func(s sheet) []*yaml.Node {
				if _, v := child(s.root, m[1]); v != nil && !strings.Contains(m[2], v.Value) {
					return []*yaml.Node{v}
				}
				return nil
			})
		},
		"this $1 is no kustomization's", "write $2",
	}, {
		regexp.MustCompile(`expected kind 'Component' for path '([^']+)'`), func(t *trail, m []string) (string, *yaml.Node) {
			return t.only(func(s sheet) []*yaml.Node {
				var found []*yaml.Node
				for _, entry := range entries(s.root, "components") {
					if path.Join(s.dir, entry.Value) == path.Clean(m[1]) {
						found = append(found, entry)
					}
				}
				return found
			})
		},
		"$1 is no component", "give its kustomization kind: Component, or list it under resources",
	}, {
		regexp.MustCompile(`nothing selected by (\w+)\.\S*/([^.\s]+)\.`), func(t *trail, _ []string) (string, *yaml.Node) {
			return t.only(func(s sheet) []*yaml.Node {
				if key, _ := child(s.root, "replacements"); key != nil {
					return []*yaml.Node{key}
				}
				return nil
			})
		},
		"a replacement reads from $1 $2, which is not among the resources", "mend its source",
	}, {
		regexp.MustCompile(`is empty$`), func(t *trail, _ []string) (string, *yaml.Node) { return t.top(), &yaml.Node{} },
		"the kustomization is empty", "list the files under resources",
	}, {
		regexp.MustCompile(`cannot unmarshal \w+ into Go value of type types.Kustomization`), func(t *trail, _ []string) (string, *yaml.Node) { return t.top(), &yaml.Node{} },
		"the kustomization is not a mapping of fields", "write resources, and the files under it",
	},
}

// only finds what only one place of all kustomizations can mean.
func (t *trail) only(find func(sheet) []*yaml.Node) (file string, n *yaml.Node) {
	for _, s := range t.sheets {
		for _, found := range find(s) {
			if n != nil {
				return "", nil
			}
			file, n = s.file, found
		}
	}
	return file, n
}

// inEntries does so among the entries of some lists.
func (t *trail) inEntries(lists []string, find func(entry *yaml.Node) *yaml.Node) (file string, n *yaml.Node) {
	return t.only(func(s sheet) []*yaml.Node {
		var found []*yaml.Node
		for _, list := range lists {
			for _, entry := range entries(s.root, list) {
				if n := find(entry); n != nil {
					found = append(found, n)
				}
			}
		}
		return found
	})
}

// keys are the keys of that name, however deep.
func keys(n *yaml.Node, name string) []*yaml.Node {
	var found []*yaml.Node
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if c.Value == name {
				found = append(found, c)
			}
			continue
		}
		found = append(found, keys(c, name)...)
	}
	return found
}

// twice finds the second of two objects of one name; of one file that is named twice, its
// second mention.
func (t *trail) twice(m []string) (string, *yaml.Node) {
	var first *origin
	for _, o := range t.objects {
		switch {
		case o.kind != m[1] || !o.called(m[1], m[2]):
		case first == nil:
			first = o
		case first.layers[0].file != o.layers[0].file:
			file, line, col := o.place([]string{"metadata", "name"})
			return file, &yaml.Node{Line: line, Column: col}
		}
	}
	return t.only(func(s sheet) []*yaml.Node {
		seen := map[string]bool{}
		for _, entry := range entries(s.root, "resources") {
			if seen[path.Clean(entry.Value)] {
				return []*yaml.Node{entry}
			}
			seen[path.Clean(entry.Value)] = true
		}
		return nil
	})
}

// forNobody finds the patch that no object has the name for.
func (t *trail) forNobody(m []string) (file string, n *yaml.Node) {
	for _, p := range t.idle {
		if p.kind == m[1] && p.name == m[2] {
			return p.file, &yaml.Node{Line: p.line, Column: p.col}
		}
	}
	return "", nil
}

// unmarshals is what kustomize says of a field, $1, that is not of a type.
func unmarshals(kind string) *regexp.Regexp {
	return regexp.MustCompile(`cannot unmarshal \w+ into Go struct field \w+\.(\S+) of type ` + kind)
}

// ofAnotherType finds the one field of that name that is not of a type.
func ofAnotherType(kind yaml.Kind, tag string) func(*trail, []string) (string, *yaml.Node) {
	return func(t *trail, m []string) (string, *yaml.Node) {
		return t.only(func(s sheet) []*yaml.Node {
			var wrong []*yaml.Node
			for _, n := range everywhere(s.root, strings.Split(m[1], ".")) {
				if n.Kind != kind || tag != "" && n.Tag != tag {
					wrong = append(wrong, n)
				}
			}
			return wrong
		})
	}
}

// everywhere follows a way to a field into each entry of the lists that it meets.
func everywhere(n *yaml.Node, way []string) []*yaml.Node {
	if len(way) == 0 {
		return []*yaml.Node{n}
	}
	all := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		all = n.Content
	}
	var found []*yaml.Node
	for _, n := range all {
		if _, v := child(n, way[0]); v != nil {
			found = append(found, everywhere(v, way[1:])...)
		}
	}
	return found
}
