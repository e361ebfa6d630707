package cluster

import (
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// typed holds objects of the watches as their Go types. To decode them is most of what an
// observation costs, so one that did not change is decoded once.
type typed struct {
	mu    sync.Mutex
	known map[string]decoded // by kind/name
}

type decoded struct {
	uid     types.UID
	version string
	object  any
}

// mostDecoded bounds what is kept: beyond it all is decoded anew, which costs one
// observation what every one cost before.
const mostDecoded = 10_000

// decode gives an object of the watches as a T, which must not be changed; nil where it is
// none.
func decode[T any](c *Cluster, u *unstructured.Unstructured) *T {
	if u == nil {
		return nil
	}
	return remembered(c, u, func() *T {
		o := new(T)
		if runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, o) != nil {
			return nil
		}
		return o
	})
}

// remembered gives what was made of an object of the watches, made once for each version of
// it.
func remembered[T any](c *Cluster, u *unstructured.Unstructured, make func() T) T {
	key := u.GetKind() + "/" + u.GetName()
	c.typed.mu.Lock()
	defer c.typed.mu.Unlock()
	if d := c.typed.known[key]; d.uid == u.GetUID() && d.version == u.GetResourceVersion() && d.version != "" {
		if made, is := d.object.(T); is {
			return made
		}
	}
	made := make()
	if c.typed.known == nil || len(c.typed.known) >= mostDecoded {
		c.typed.known = map[string]decoded{}
	}
	c.typed.known[key] = decoded{u.GetUID(), u.GetResourceVersion(), made}
	return made
}
