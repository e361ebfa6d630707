package cluster

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// Watches keep a copy of a namespace, which follows it some time later.
type Watches interface {
	// Store is the copy of a kind of [Watched]. What is in it is never changed in place.
	// It knows the highest resourceVersion that it has seen; that of EndpointSlices is
	// indexed by [BySlice].
	Store(kind string) cache.Indexer
	// Start follows until ctx ends, and returns when everything was listed once. notify
	// hears of every object that came, changed or went, once the store shows it; with nil,
	// that a kind cannot be seen any more, or can again.
	Start(ctx context.Context, notify func(o *unstructured.Unstructured)) error
	// Refused is why the server does not let a kind be watched; nil while it does.
	Refused(kind string) *Refusal
}

// Watched are the resources that are watched, by kind.
var Watched = map[string]schema.GroupVersionResource{
	"Deployment":    {Group: "apps", Version: "v1", Resource: "deployments"},
	"Service":       {Version: "v1", Resource: "services"},
	"ConfigMap":     {Version: "v1", Resource: "configmaps"},
	"Ingress":       {Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	"ReplicaSet":    {Group: "apps", Version: "v1", Resource: "replicasets"},
	"Pod":           {Version: "v1", Resource: "pods"},
	"EndpointSlice": {Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
}

// BySlice is the index of EndpointSlices by their Service.
const BySlice = "service"

// Indexers are those of a kind's store.
func Indexers(kind string) cache.Indexers {
	if kind != "EndpointSlice" {
		return cache.Indexers{}
	}
	return cache.Indexers{BySlice: func(o any) ([]string, error) {
		return []string{o.(*unstructured.Unstructured).GetLabels()["kubernetes.io/service-name"]}, nil
	}}
}

// informers are the watches of client-go.
type informers struct {
	kinds map[string]cache.SharedIndexInformer
	*blindness
}

func inform(client dynamic.Interface, namespace string, b *blindness) (informers, error) {
	all := informers{map[string]cache.SharedIndexInformer{}, b}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, namespace, Newest)
	for kind, resource := range Watched {
		informer := factory.ForResource(resource).Informer()
		if err := informer.SetTransform(slim(kind)); err != nil {
			return all, err
		}
		if err := informer.AddIndexers(Indexers(kind)); err != nil {
			return all, err
		}
		all.kinds[kind] = informer
	}
	return all, nil
}

// Newest has the first list show what is there when it is asked for, where the server cannot
// stream it. A client-go that asks for version 0 takes whatever a server has at hand, which may be
// of before the agent's own last run: a new leader would judge a promoted revision by pods that
// were not ready yet, and take it back.
func Newest(options *metav1.ListOptions) {
	if options.ResourceVersion == "0" {
		options.ResourceVersion = ""
	}
}

// slim drops what nobody here reads. Who owns which field matters where we apply.
func slim(kind string) cache.TransformFunc {
	return func(o any) (any, error) {
		if u, ok := o.(*unstructured.Unstructured); ok && (kind == "Pod" || kind == "EndpointSlice") {
			u.SetManagedFields(nil)
		}
		return o, nil
	}
}

func (i informers) Store(kind string) cache.Indexer { return i.kinds[kind].GetIndexer() }

func (i informers) Refused(kind string) *Refusal { return i.to(kind) }

func (i informers) Start(ctx context.Context, notify func(o *unstructured.Unstructured)) error {
	tell := func(o any) {
		if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
			o = gone.Obj
		}
		if u, ok := o.(*unstructured.Unstructured); ok {
			notify(u)
		}
	}
	i.wake = func() { notify(nil) }
	var synced []cache.InformerSynced
	for kind, informer := range i.kinds {
		handler, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: tell, DeleteFunc: tell,
			UpdateFunc: func(_, o any) { tell(o) },
		})
		if err != nil {
			return err
		}
		if err := i.notice(kind, informer); err != nil {
			return err
		}
		synced = append(synced, handler.HasSynced)
		go informer.RunWithContext(ctx)
	}
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return context.Cause(ctx)
	}
	return nil
}
