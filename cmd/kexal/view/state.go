package view

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kexal/kexal/strategies"
)

// A State is what the last decision about a rollout left.
type State struct {
	strategies.State
	Where string // for people: the place, and how old its news is
}

// State reads the state of one rollout. A [NotFoundError] says that nothing was ever
// decided about it here; the State then still says where that is.
func (c *Cluster) State(ctx context.Context, name string, now time.Time) (State, error) {
	s := State{Where: c.where(now)}
	obj, err := c.configMaps.Get(ctx, "kexal-"+name, metav1.GetOptions{})
	text := ""
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return s, err
	default:
		text, _, _ = unstructured.NestedString(obj.Object, "data", "state.json")
	}
	if text == "" { // not there, or only told that it is held
		return s, &NotFoundError{Name: name, Where: s.Where}
	}
	if err := json.Unmarshal([]byte(text), &s.State); err != nil {
		return s, fmt.Errorf("ConfigMap %s/kexal-%s: state.json: %w", c.Namespace, name, err)
	}
	if s.Schema > strategies.SchemaVersion {
		return s, fmt.Errorf("ConfigMap %s/kexal-%s was written by a newer version of kexal: upgrade this one", c.Namespace, name)
	}
	return s, nil
}

var quotas = schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}

// Quotas are the namespace's ResourceQuotas; none where one may not see them.
func (c *Cluster) Quotas(ctx context.Context) []corev1.ResourceQuota {
	list, err := c.client.Resource(quotas).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil // a plan without them is still a plan
	}
	var found []corev1.ResourceQuota
	for _, o := range list.Items {
		var q corev1.ResourceQuota
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &q) == nil {
			found = append(found, q)
		}
	}
	return found
}
