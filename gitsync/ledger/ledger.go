// Package ledger turns a status into what the status branch holds, and back. It is
// pure: pushing is gitsync's.
package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v4"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/kexal/kexal/strategies"
)

// Path is where the status of a rollout lies in the branch (SPEC 8.1).
func Path(namespace, rollout string) string {
	return path.Join(namespace, rollout, "status.yaml")
}

// Encode writes a status as YAML, with the fields in the order that people read them.
func Encode(s strategies.Status) ([]byte, error) { return encode(s) }

func encode(s any) ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	// Two characters that JSON holds as they are, and YAML only by their escapes.
	text = []byte(strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(string(text)))
	// JSON is YAML: read as nodes it keeps its order, and only the style changes.
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	plain(&doc)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, err
	}
	return out.Bytes(), enc.Close()
}

// plain takes the flow style off every node that has something in it, and the quotes
// off keys. Values that are text stay quoted: a revision may look like a number.
func plain(n *yaml.Node) {
	if len(n.Content) > 0 {
		n.Style = 0
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			c.Style = 0
		}
		plain(c)
	}
}

// Decode reads what Encode wrote.
func Decode(text []byte) (strategies.Status, error) {
	var s strategies.Status
	if err := k8syaml.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("the ledger's status.yaml cannot be read: %w", err)
	}
	if s.APIVersion != strategies.APIVersion {
		return s, fmt.Errorf("the ledger's status.yaml has apiVersion %q, which this version of kexal does not know", s.APIVersion)
	}
	return s, nil
}

// prose is a strategy as people call it.
func prose(strategy string) string {
	if strategy == "blueGreen" {
		return "blue/green"
	}
	return strategy
}

// Message is the commit's: one sentence, then trailers (SPEC 8.2).
func Message(s strategies.Status) string {
	var b strings.Builder
	sentence := s.Message
	if at := s.Step; at != nil {
		if rest, ok := strings.CutPrefix(sentence, fmt.Sprintf("step %d of %d,", at.Index, at.Of)); ok {
			sentence = fmt.Sprintf("%s step %d/%d,%s", prose(s.Strategy), at.Index, at.Of, rest)
		}
	}
	// A refusal in the server's words may have line breaks.
	fmt.Fprintf(&b, "%s: %s\n\n", s.Metadata.Name, strings.Join(strings.Fields(sentence), " "))
	trailer := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "Kexal-%s: %s\n", key, value)
		}
	}
	trailer("Rollout", s.Metadata.Name)
	switch {
	case s.Candidate != nil:
		trailer("Revision", s.Candidate.Revision)
	case s.Stable != nil:
		trailer("Revision", s.Stable.Revision)
	}
	trailer("Source-Commit", s.Source.Commit)
	if s.Step != nil {
		trailer("Step", fmt.Sprintf("%d/%d", s.Step.Index, s.Step.Of))
	}
	trailer("Phase", string(s.Phase))
	trailer("Actor", "agent")
	return b.String()
}
