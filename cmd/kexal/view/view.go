// Package view shows where rollouts are: it reads their status from the cluster or
// from the ledger of a clone, and writes it for people and for programs.
//
// It only reads, and asks the cluster for ConfigMaps of one namespace and for
// nothing else; for a plan, for its ResourceQuotas too.
package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kexal/kexal/strategies"
	"sigs.k8s.io/yaml"
)

// A Rollout is the status of one, decoded, and as the document it came in.
type Rollout struct {
	strategies.Status
	JSON  []byte            // the bytes of status.json
	State *strategies.State // what stands behind it; nil in the ledger, and where this version cannot read it
}

// Found is what a place holds, and which place that was.
type Found struct {
	Rollouts []Rollout
	Agents   []Agent // of the namespaces looked at; none where nothing was ever wrong
	Where    string  // for people: the place, and how old its news is
}

// fromJSON reads status.json.
func fromJSON(doc []byte) (Rollout, error) {
	r := Rollout{JSON: doc}
	if err := json.Unmarshal(doc, &r.Status); err != nil {
		return r, err
	}
	if r.Kind != "RolloutStatus" {
		return r, fmt.Errorf("kind %q is not RolloutStatus", r.Kind)
	}
	return r, nil
}

// fromYAML reads the ledger's status.yaml: the same document in other clothes.
func fromYAML(doc []byte) (Rollout, error) {
	generic, err := yaml.YAMLToJSON(doc)
	if err != nil {
		return Rollout{}, err
	}
	r, err := fromJSON(generic)
	if err != nil {
		return r, err
	}
	r.JSON, err = inOrder[strategies.Status](generic)
	return r, err
}

// inOrder gives a document with its fields in the order of status.json. A newer agent's
// fields would be lost on that way; then what was read is the better document, in
// whatever order.
func inOrder[T any](generic []byte) ([]byte, error) {
	strict := json.NewDecoder(bytes.NewReader(generic))
	strict.DisallowUnknownFields()
	var known T
	if strict.Decode(&known) != nil {
		return generic, nil
	}
	doc, err := json.MarshalIndent(known, "", "  ")
	return append(doc, '\n'), err
}

// one picks the rollout that a name means. Several namespaces may have one.
func one(found Found, name string) (Found, error) {
	switch len(found.Rollouts) {
	case 0:
		var why strings.Builder
		if err := found.Troubles(&why); err != nil {
			return found, err
		}
		return found, &NotFoundError{Name: name, Where: found.Where, Agent: strings.TrimSpace(why.String())}
	case 1:
		its := found.Rollouts[0].Metadata.Namespace
		found.Agents = slices.DeleteFunc(found.Agents, func(a Agent) bool { return a.Metadata.Namespace != its })
		return found, nil
	}
	var namespaces []string
	for _, r := range found.Rollouts {
		namespaces = append(namespaces, r.Metadata.Namespace)
	}
	return found, fmt.Errorf("%s is in several namespaces: %s; -n chooses one", name, strings.Join(namespaces, " and "))
}

// A NotFoundError says which rollout is not where it was looked for. The place did answer.
type NotFoundError struct {
	Name, Where string
	Agent       string // what the agent says is wrong, which may be why; lines
}

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("there is no rollout %s in the %s", e.Name, e.Where)
	if e.Agent != "" {
		text += "\n" + e.Agent
	}
	return text
}
