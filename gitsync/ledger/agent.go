package ledger

import (
	"fmt"
	"path"
	"strings"

	k8syaml "sigs.k8s.io/yaml"

	"github.com/kexal/kexal/strategies"
)

// AgentPath is where that lies which belongs to no rollout (SPEC 7.3).
func AgentPath(namespace string) string { return path.Join(namespace, "agent.yaml") }

// EncodeAgent writes it as YAML, as Encode does.
func EncodeAgent(s strategies.AgentStatus) ([]byte, error) { return encode(s) }

// DecodeAgent reads what EncodeAgent wrote.
func DecodeAgent(text []byte) (strategies.AgentStatus, error) {
	var s strategies.AgentStatus
	if err := k8syaml.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("the ledger's agent.yaml cannot be read: %w", err)
	}
	return s, nil
}

// AgentMessage is the commit's, as Message is.
func AgentMessage(s strategies.AgentStatus) string {
	return fmt.Sprintf("agent: %s\n\nKexal-Phase: %s\nKexal-Actor: agent\n", strings.Join(strings.Fields(s.Message), " "), s.Phase)
}
