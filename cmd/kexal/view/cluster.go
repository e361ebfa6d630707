package view

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kexal/kexal/strategies"
)

// An Access is how the person's flags lead to a cluster.
type Access struct {
	Kubeconfig string
	Namespace  string // empty: that of the kubeconfig's context
}

// A Cluster is one namespace of it.
type Cluster struct {
	Namespace string
	Context   string // of the kubeconfig; empty inside a pod

	client     dynamic.Interface
	configMaps dynamic.ResourceInterface
}

// ErrNoCluster says that nothing here names a cluster.
var ErrNoCluster = errors.New("there is no kubeconfig here")

// Known resources need no discovery request (SPEC 6.11).
var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// Open finds the cluster by client-go's usual rules: the flag, KUBECONFIG, the home
// directory, the pod it runs in. It sends nothing yet.
func (a Access) Open() (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = a.Kubeconfig
	overrides := &clientcmd.ConfigOverrides{}
	overrides.Context.Namespace = a.Namespace
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	config, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, ErrNoCluster
	}
	if err != nil {
		return nil, err
	}
	c := &Cluster{}
	if c.Namespace, _, err = loader.Namespace(); err != nil {
		return nil, err
	}
	if raw, err := loader.RawConfig(); err == nil {
		c.Context = raw.CurrentContext
	}
	// A cluster that does not answer soon is one that is not reached: the ledger is at hand.
	config.Timeout = 10 * time.Second
	client, err := dynamic.NewForConfig(rest.AddUserAgent(config, "kexal"))
	if err != nil {
		return nil, err
	}
	c.client = client
	c.configMaps = client.Resource(configMaps).Namespace(c.Namespace)
	return c, nil
}

// Read reads the state ConfigMaps: one rollout's, or all when name is empty.
func (c *Cluster) Read(ctx context.Context, name string, now time.Time) (Found, error) {
	found := Found{Where: c.where(now)}
	if name != "" {
		obj, err := c.configMaps.Get(ctx, "kexal-"+name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return found, err
		default:
			if err := found.add(obj); err != nil {
				return found, err
			}
		}
		// Beside the answer: an agent that never had trouble has none, and neither has
		// who may read this one ConfigMap alone.
		obj, err = c.configMaps.Get(ctx, strategies.AgentName, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err) || apierrors.IsForbidden(err):
		case err != nil:
			return found, err
		default:
			if err := found.add(obj); err != nil {
				return found, err
			}
		}
		return one(found, name)
	}
	page := metav1.ListOptions{Limit: 500}
	for {
		list, err := c.configMaps.List(ctx, page)
		if err != nil {
			return found, err
		}
		for i := range list.Items {
			if err := found.add(&list.Items[i]); err != nil {
				return found, err
			}
		}
		if page.Continue = list.GetContinue(); page.Continue == "" {
			break
		}
	}
	slices.SortFunc(found.Rollouts, func(a, b Rollout) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) })
	return found, nil
}

func (c *Cluster) where(now time.Time) string {
	context := ""
	if c.Context != "" {
		context = " of context " + c.Context
	}
	return fmt.Sprintf("cluster, namespace %s%s, read at %s", c.Namespace, context, now.UTC().Format(time.RFC3339))
}

// add takes a ConfigMap if it is a rollout's state or what the agent tells beside them; an
// application may call its own ConfigMap kexal-something.
func (f *Found) add(obj *unstructured.Unstructured) error {
	doc, ok, _ := unstructured.NestedString(obj.Object, "data", "status.json")
	var err error
	switch {
	case !ok:
	case obj.GetName() == strategies.AgentName:
		var a Agent
		a, err = agentFromJSON([]byte(doc))
		f.Agents = append(f.Agents, a)
	case strings.HasPrefix(obj.GetName(), "kexal-"):
		var r Rollout
		r, err = fromJSON([]byte(doc))
		r.State = stateOf(obj)
		f.Rollouts = append(f.Rollouts, r)
	}
	if err != nil {
		return fmt.Errorf("ConfigMap %s/%s: status.json: %w", obj.GetNamespace(), obj.GetName(), err)
	}
	return nil
}

// stateOf is the state that a ConfigMap holds; nil when there is none, or one that only a newer
// version can read: the status says enough without it.
func stateOf(obj *unstructured.Unstructured) *strategies.State {
	text, ok, _ := unstructured.NestedString(obj.Object, "data", "state.json")
	var s strategies.State
	if !ok || json.Unmarshal([]byte(text), &s) != nil || s.Schema == 0 || s.Schema > strategies.SchemaVersion {
		return nil
	}
	return &s
}
