// Package cluster observes one namespace and acts on it. It is the only importer of
// client-go's clients.
//
// It asks for nothing outside its namespace, not even to try: no discovery, no
// cluster-wide list. What it reads it watches; a write is fenced by what was observed,
// and the next observation waits until the watch has shown it.
package cluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// Field managers (SPEC 6.1): one name is never used for both apply and update.
const (
	managerGit     = "kexal"         // applies what Git sets
	managerScale   = "kexal-scale"   // patches counts and `paused`
	managerTraffic = "kexal-traffic" // applies whole Service selectors
	managerState   = "kexal-state"   // patches the state
	managerNew     = "kexal-new"     // makes objects; what it made belongs to managerGit before that applies it
)

// A Cluster is one namespace.
type Cluster struct {
	namespace string
	client    dynamic.Interface
	watches   Watches
	pace      Pace
	options   release.Options
	lowest    counts
	typed     typed

	mu    sync.Mutex
	wrote map[string]map[string]written // by rollout, then kind/name: our own writes that the watch has not shown yet
}

// written is the last write of ours to an object.
type written struct {
	version uint64 // its resourceVersion; 0 = it was deleted
	uid     string
}

// New prepares to watch a namespace. client-go's own rate limit is off: an abort never
// queues behind progress (SPEC 6.10).
func New(config *rest.Config, namespace string, options release.Options) (*Cluster, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	blind := &blindness{kinds: map[string]*Refusal{}}
	config.Wrap(blind.watches)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	watches, err := inform(client, namespace, blind)
	if err != nil {
		return nil, err
	}
	return Over(client, watches, clock{}, namespace, options), nil
}

// Over is a Cluster over a client and watches of somebody's own.
func Over(client dynamic.Interface, watches Watches, pace Pace, namespace string, options release.Options) *Cluster {
	return &Cluster{
		namespace: namespace, client: client, watches: watches, pace: pace, options: options,
		wrote: map[string]map[string]written{},
	}
}

// Start watches until ctx ends, and returns when everything was listed once. wake is
// called with the rollout that an event concerns, or "" when it may be any; with
// [strategies.AgentName] when it is about what belongs to none.
func (c *Cluster) Start(ctx context.Context, wake func(rollout string)) error {
	return c.watches.Start(ctx, func(o *unstructured.Unstructured) {
		if o == nil {
			wake("")
		} else if rollout, any := c.rolloutOf(o.GetKind(), o); any || rollout != "" {
			wake(rollout)
		}
	})
}

// rolloutOf finds whom an event concerns: the rollout in the object's label, or that of
// the Deployment or Service it belongs to. any = it cannot be told.
func (c *Cluster) rolloutOf(kind string, o *unstructured.Unstructured) (rollout string, any bool) {
	owner := o
	switch kind {
	case "ConfigMap":
		if o.GetName() == strategies.AgentName {
			return strategies.AgentName, false
		}
	case "Pod":
		name := workloadOf(o)
		if name == "" {
			return "", false
		}
		if owner = c.cached("Deployment", name); owner == nil {
			return "", true
		}
	case "ReplicaSet":
		if owner = c.cached("Deployment", deploymentOf(o)); owner == nil {
			return "", false
		}
	case "EndpointSlice":
		if owner = c.cached("Service", o.GetLabels()["kubernetes.io/service-name"]); owner == nil {
			return "", false
		}
	}
	rollout = owner.GetLabels()[release.LabelRollout]
	// A Service of somebody else may begin to select our pods (SPEC 5.8), and an object
	// that is in our way may go.
	return rollout, rollout == "" && (kind == "Service" || kind == "Deployment" || kind == "Ingress")
}

// workloadOf is the Deployment that a pod belongs to, by the name of its ReplicaSet: it
// can be told when the Deployment is gone already.
func workloadOf(pod *unstructured.Unstructured) string {
	for _, o := range pod.GetOwnerReferences() {
		if o.Kind == "ReplicaSet" {
			if i := strings.LastIndex(o.Name, "-"); i > 0 {
				return o.Name[:i]
			}
		}
	}
	return ""
}

// deploymentOf is the Deployment that owns a ReplicaSet.
func deploymentOf(set *unstructured.Unstructured) string {
	for _, o := range set.GetOwnerReferences() {
		if o.Kind == "Deployment" {
			return o.Name
		}
	}
	return ""
}

// cached is an object as the watch showed it last; nil when it is not there.
func (c *Cluster) cached(kind, name string) *unstructured.Unstructured {
	o, found, err := c.watches.Store(kind).GetByKey(c.namespace + "/" + name)
	if err != nil || !found {
		return nil
	}
	return o.(*unstructured.Unstructured)
}

// Live tells that the namespace has objects of a rollout that serve, whatever can be
// rendered now (SPEC 6.5).
func (c *Cluster) Live(rollout string) bool {
	for _, kind := range []string{"Deployment", "Service"} {
		for _, o := range c.all(kind) {
			if o.GetLabels()[release.LabelRollout] == rollout {
				return true
			}
		}
	}
	return false
}

func (c *Cluster) all(kind string) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, o := range c.watches.Store(kind).List() {
		found = append(found, o.(*unstructured.Unstructured))
	}
	slices.SortFunc(found, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return found
}

func (c *Cluster) resource(kind string) dynamic.ResourceInterface {
	return c.client.Resource(Watched[kind]).Namespace(c.namespace)
}

// remember notes a write of ours, so that no decision is taken from a world before it.
func (c *Cluster) remember(rollout string, o *unstructured.Unstructured) {
	version, err := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	if err != nil {
		return
	}
	c.note(rollout, o.GetKind()+"/"+o.GetName(), written{version: version, uid: string(o.GetUID())})
}

func (c *Cluster) note(rollout, key string, w written) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wrote[rollout] == nil {
		c.wrote[rollout] = map[string]written{}
	}
	c.wrote[rollout][key] = w
}

// Behind tells that the watch has not shown all of this rollout's own writes yet: what
// is seen is older than what was done. The event that ends it wakes the rollout.
func (c *Cluster) Behind(rollout string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, w := range c.wrote[rollout] {
		kind, name, _ := strings.Cut(key, "/")
		if kind != "ConfigMap" && c.watches.Refused(kind) != nil {
			continue // it would be waited for in vain; the rollout is held, and what is written is fenced
		}
		if c.shows(kind, name, w) {
			delete(c.wrote[rollout], key)
			continue
		}
		return true
	}
	return false
}

func (c *Cluster) shows(kind, name string, w written) bool {
	o := c.cached(kind, name)
	if w.version == 0 {
		return o == nil || string(o.GetUID()) != w.uid || o.GetDeletionTimestamp() != nil
	}
	if o != nil && atLeast(o.GetResourceVersion(), w.version) {
		return true
	}
	// The object is gone again, or was written by somebody else since: the store has
	// seen something newer than our write.
	return atLeast(c.watches.Store(kind).LastStoreSyncResourceVersion(), w.version)
}

func atLeast(version string, least uint64) bool {
	v, err := strconv.ParseUint(version, 10, 64)
	return err == nil && v >= least
}

func name(o *unstructured.Unstructured) string { return fmt.Sprintf("%s %s", o.GetKind(), o.GetName()) }
