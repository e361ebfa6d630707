package cluster

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// ReadAgent gives what was told last that belongs to no rollout (SPEC 7.3).
func (c *Cluster) ReadAgent() Record {
	o := c.cached("ConfigMap", strategies.AgentName)
	if o == nil {
		return Record{}
	}
	text, found, _ := unstructured.NestedString(o.Object, "data", "status.json")
	return Record{Status: text, Found: found, object: o}
}

// TellAgent writes it, by compare-and-swap on what was read: of two agents that both
// think they lead, one reads again first. It has no label of a rollout, so it wakes none.
//
// If we die after this, the next agent reads it, and finds nothing new to say while the
// trouble lasts; if we die before, it finds out by itself.
func (c *Cluster) TellAgent(ctx context.Context, was Record, status []byte) error {
	labels := map[string]any{release.LabelManager: "kexal"}
	_, err := c.put(ctx, strategies.AgentName, strategies.AgentName, labels, was, map[string]any{"status.json": string(status)})
	return err
}
