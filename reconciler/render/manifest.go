package render

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"go.yaml.in/yaml/v4"

	"github.com/kexal/kexal/strategies"
)

// Unreadable is the mistake of a file that is in the commit and cannot be read: a symbolic
// link, or one that is too large.
func Unreadable(file string, err error) *strategies.Mistake {
	var inside *fs.PathError
	if errors.As(err, &inside) {
		err = inside.Err
	}
	return &strategies.Mistake{Path: file, Line: 1, Col: 1, Err: fmt.Errorf("it cannot be read: %w", err), Fix: "make it a plain file of at most 1 MiB"}
}

// malformed is the mistake of a document of a plain directory; nil when it may be an object.
func malformed(file string, root *yaml.Node) *strategies.Mistake {
	if wrong := cmp.Or(notAnObject(file, root), writtenTwice(file, root)); wrong != nil {
		return wrong
	}
	return notText(file, root)
}

// notAnObject is the mistake of a document that has not what each object has.
func notAnObject(file string, root *yaml.Node) *strategies.Mistake {
	if text(root, "apiVersion") != "" && text(root, "kind") != "" && text(root, "metadata", "name") != "" {
		return nil
	}
	return &strategies.Mistake{Path: file, Line: root.Line, Col: root.Column,
		Err: errors.New("this is no Kubernetes object"), Fix: "give it apiVersion, kind and metadata.name, or move it to another directory"}
}

// notText is the mistake of a name that YAML takes for something else.
func notText(file string, root *yaml.Node) *strategies.Mistake {
	for _, way := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}} {
		if key, n, _ := fieldsOf(root)(way); n.Tag != "!!str" {
			return &strategies.Mistake{Path: file, Line: n.Line, Col: n.Column, Err: fmt.Errorf("%s %s is not text", key.Value, n.Value), Fix: "write it in quotes"}
		}
	}
	return nil
}

// writtenTwice is the mistake of a key that stands twice in a mapping.
func writtenTwice(file string, n *yaml.Node) *strategies.Mistake {
	seen := map[string]bool{}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if seen[c.Value] {
				return &strategies.Mistake{Path: file, Line: c.Line, Col: c.Column, Err: fmt.Errorf("%s is written twice", c.Value), Fix: "keep one of them"}
			}
			seen[c.Value] = true
			continue
		}
		if wrong := writtenTwice(file, c); wrong != nil {
			return wrong
		}
	}
	return nil
}
