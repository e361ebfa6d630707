package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/kexal/kexal/strategies"
	"sigs.k8s.io/yaml"
)

// An Agent is what an agent says that belongs to no rollout (SPEC 7.3).
type Agent struct {
	strategies.AgentStatus
	JSON []byte // the bytes of status.json
}

func agentFromJSON(doc []byte) (Agent, error) {
	a := Agent{JSON: doc}
	if err := json.Unmarshal(doc, &a.AgentStatus); err != nil {
		return a, err
	}
	if a.Kind != "AgentStatus" {
		return a, fmt.Errorf("kind %q is not AgentStatus", a.Kind)
	}
	return a, nil
}

func agentFromYAML(doc []byte) (Agent, error) {
	generic, err := yaml.YAMLToJSON(doc)
	if err != nil {
		return Agent{}, err
	}
	a, err := agentFromJSON(generic)
	if err != nil {
		return a, err
	}
	a.JSON, err = inOrder[strategies.AgentStatus](generic)
	return a, err
}

// lines are its problems, each with the moment since which it is so.
func (a Agent) lines() []string {
	var all []string
	for _, p := range a.Problems {
		line := p.String()
		for _, c := range a.Conditions {
			if c.Status == "False" && (c.Message == line || p.Path != "" && c.Type == strategies.Followed) {
				line += " (since " + c.LastTransitionTime.UTC().Format("2006-01-02 15:04:05Z") + ")"
			}
		}
		all = append(all, line)
	}
	return all
}

// stale says that what is shown of rollouts may be older than Git.
func (a Agent) stale() string {
	c, _ := a.Condition(strategies.SourceReady)
	if c.Status != "False" {
		return ""
	}
	return fmt.Sprintf("the mirror cannot be read since %s: this is what was verified last", c.LastTransitionTime.UTC().Format("2006-01-02 15:04:05Z"))
}

// Troubles writes what is wrong beside the rollouts, a line each; nothing while all is
// well.
func (f Found) Troubles(w io.Writer) error {
	var out bytes.Buffer
	for _, a := range f.Agents {
		who := "agent"
		if len(f.Agents) > 1 {
			who += " of " + a.Metadata.Namespace
		}
		for _, line := range a.lines() {
			fmt.Fprintf(&out, "%s: %s\n", who, strings.ReplaceAll(line, "\n", " "))
		}
		if stale := a.stale(); stale != "" && len(f.Rollouts) > 0 {
			fmt.Fprintf(&out, "%s: %s\n", who, stale)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}
