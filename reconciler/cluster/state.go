package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

const statePrefix = "kexal-"

// ErrNewerState: the state was written by a newer kexal. It is frozen, never reset.
var ErrNewerState = errors.New("its state was written by a newer version of kexal: upgrade the agent")

// A Record is the state ConfigMap of a rollout as it was read; the next write replaces
// exactly that.
type Record struct {
	State  strategies.State
	Status string // status.json, as it stands there
	Found  bool
	raw    string
	object *unstructured.Unstructured
}

// Rollouts are the names of all that have a state here.
func (c *Cluster) Rollouts() []string {
	var names []string
	for _, o := range c.all("ConfigMap") {
		if name, ok := strings.CutPrefix(o.GetName(), statePrefix); ok && o.GetLabels()[release.LabelRollout] == name {
			names = append(names, name)
		}
	}
	return names
}

// UID is of the ConfigMap; empty = there is none.
func (r Record) UID() types.UID {
	if r.object == nil {
		return ""
	}
	return r.object.GetUID()
}

// Version is of the ConfigMap, another one with every write; empty = there is none.
func (r Record) Version() string {
	if r.object == nil {
		return ""
	}
	return r.object.GetResourceVersion()
}

// Read gives what the last decision left. Its State must not be changed.
func (c *Cluster) Read(rollout string) (Record, error) {
	o := c.cached("ConfigMap", statePrefix+rollout)
	if o == nil {
		return Record{}, nil
	}
	read := remembered(c, o, func() reading {
		r, err := recordOf(rollout, o)
		return reading{r, err}
	})
	return read.Record, read.err
}

// reading is what became of a state ConfigMap.
type reading struct {
	Record
	err error
}

func recordOf(rollout string, o *unstructured.Unstructured) (Record, error) {
	data, _, _ := unstructured.NestedStringMap(o.Object, "data")
	r := Record{Status: data["status.json"], raw: data["state.json"], object: o}
	if r.raw == "" {
		return r, nil // only told that it is held
	}
	r.Found = true
	var schema struct{ Schema int }
	if err := json.Unmarshal([]byte(r.raw), &schema); err != nil {
		return r, fmt.Errorf("ConfigMap %s%s holds no readable state: restore it, or delete it to have it rebuilt: %w", statePrefix, rollout, err)
	}
	if schema.Schema > strategies.SchemaVersion {
		return r, ErrNewerState
	}
	if err := json.Unmarshal([]byte(r.raw), &r.State); err != nil {
		return r, fmt.Errorf("ConfigMap %s%s: %w", statePrefix, rollout, err)
	}
	return r, nil
}

// EpochNow asks the server for the epoch of the state, past the watch.
func (c *Cluster) EpochNow(ctx context.Context, rollout string) (int64, error) {
	o, err := c.resource("ConfigMap").Get(ctx, statePrefix+rollout, metav1.GetOptions{})
	if err != nil {
		return 0, judge("read ConfigMap "+statePrefix+rollout, err)
	}
	text, _, _ := unstructured.NestedString(o.Object, "data", "state.json")
	var state struct{ Epoch int64 }
	return state.Epoch, json.Unmarshal([]byte(text), &state)
}

// Write records a decision, by compare-and-swap on what was read, and gives the UID of the
// ConfigMap that holds it. It does nothing and gives none when it stands there already.
//
// If we die after this, the next agent reads the decision and makes its effects; if we
// die before, it decides again from what is live.
func (c *Cluster) Write(ctx context.Context, rollout string, was Record, next strategies.State, status []byte) (types.UID, error) {
	state, err := json.Marshal(next)
	if err != nil {
		return "", err
	}
	if was.Found && was.raw == string(state) && was.Status == string(status) {
		return "", nil
	}
	return c.put(ctx, rollout, statePrefix+rollout, labels(rollout), was, map[string]any{"state.json": string(state), "status.json": string(status)})
}

// Tell writes a status and no state: of a rollout whose state is lost. If we die after
// this, the next agent finds no state either.
func (c *Cluster) Tell(ctx context.Context, rollout string, was Record, status []byte) error {
	_, err := c.put(ctx, rollout, statePrefix+rollout, labels(rollout), was, map[string]any{"status.json": string(status)})
	return err
}

func labels(rollout string) map[string]any {
	return map[string]any{release.LabelRollout: rollout, release.LabelManager: "kexal"}
}

// put writes a ConfigMap over the one that was read. whose is woken when the watch shows
// it. It gives the UID.
func (c *Cluster) put(ctx context.Context, whose, name string, labels map[string]any, was Record, data map[string]any) (types.UID, error) {
	metadata := map[string]any{"name": name, "namespace": c.namespace, "labels": labels}
	what := "record in ConfigMap " + name
	if was.object == nil {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}}
		made, err := c.resource("ConfigMap").Create(ctx, o, metav1.CreateOptions{FieldManager: managerState})
		if err != nil {
			return "", judge(what, err)
		}
		c.remember(whose, made)
		return made.GetUID(), nil
	}
	metadata["uid"], metadata["resourceVersion"] = string(was.object.GetUID()), was.object.GetResourceVersion()
	patch, err := json.Marshal(map[string]any{"metadata": metadata, "data": data})
	if err != nil {
		return "", err
	}
	made, err := c.resource("ConfigMap").Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: managerState})
	if err != nil {
		return "", judge(what, err)
	}
	c.remember(whose, made)
	return made.GetUID(), nil
}
