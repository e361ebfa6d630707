package reconciler

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/kexal/kexal/reconciler/release"
)

// A namespace is an API server as far as a pass needs one: it keeps what is written, lists and
// watches it, and refuses what a test says. Its controllers work when they are told to (see
// settle), and at once: what takes time is played in strategies/simulated, and what only a real
// server does in fixtures/stories.
type namespace struct {
	*httptest.Server
	ended chan struct{} // closed with the test, for whoever watches

	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured // by resource/name
	version int
	events  []event
	more    chan struct{}   // closed at the next event, or when a watch sees again
	blind   map[string]bool // resources whose watches show nothing for now
	refuse  func(r request) string
	asked   []request // writes and dry-runs, those that were refused too
}

type event struct {
	resource string
	version  int
	line     []byte
}

// A request is one that writes, or that only tries to.
type request struct {
	verb, object string // as in "patch deployments/web-blue"
	dry          bool
}

func (r request) String() string {
	if r.dry {
		return "try " + r.verb + " " + r.object
	}
	return r.verb + " " + r.object
}

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	n := &namespace{ended: make(chan struct{}), objects: map[string]*unstructured.Unstructured{}, more: make(chan struct{}), blind: map[string]bool{}}
	n.Server = httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(func() {
		close(n.ended)
		n.Server.CloseClientConnections()
		n.Server.Close()
	})
	return n
}

// writes are those that were asked for since the last call, in their order.
func (n *namespace) writes() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	for _, r := range n.asked {
		if !r.dry {
			all = append(all, r.String())
		}
	}
	n.asked = nil
	return all
}

// refuses has requests refused: with a function's words, unless they are empty.
func (n *namespace) refuses(words func(r request) string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuse = words
}

func (n *namespace) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, rest, found := strings.Cut(r.URL.Path, "/namespaces/shop/")
	if !found {
		answer(w, http.StatusForbidden, "it is outside the namespace: "+r.URL.Path, "")
		return
	}
	resource, name, _ := strings.Cut(rest, "/")
	if r.Method == http.MethodGet && name == "" && r.URL.Query().Get("watch") != "" {
		n.watch(w, r, resource)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Method == http.MethodGet {
		n.read(w, resource, name)
		return
	}
	body := &unstructured.Unstructured{}
	if r.Method == http.MethodPost {
		if decode(r, &body.Object) != nil {
			answer(w, http.StatusBadRequest, "no JSON", "")
			return
		}
		name = body.GetName()
	}
	asked := request{strings.ToLower(r.Method), resource + "/" + name, r.URL.Query().Has("dryRun")}
	n.asked = append(n.asked, asked)
	if n.refuse != nil {
		if words := n.refuse(asked); words != "" {
			answer(w, http.StatusForbidden, words, "")
			return
		}
	}
	live := n.objects[resource+"/"+name]
	switch r.Method {
	case http.MethodPost:
		if live != nil {
			answer(w, http.StatusConflict, "it is there", "")
			return
		}
	case http.MethodPatch:
		var code int
		var words, kind string
		if body, code, words, kind = patched(r, live); code != 0 {
			answer(w, code, words, kind)
			return
		}
	case http.MethodDelete:
		var options metav1.DeleteOptions
		_ = json.NewDecoder(r.Body).Decode(&options) // without a body there are none
		switch p := options.Preconditions; {
		case live == nil:
			answer(w, http.StatusNotFound, "it is not there", "")
		case p != nil && (p.UID != nil && *p.UID != live.GetUID() || p.ResourceVersion != nil && *p.ResourceVersion != live.GetResourceVersion()):
			answer(w, http.StatusConflict, "it is another", "")
		default:
			n.remove(resource, name)
			answer(w, http.StatusOK, "", "")
		}
		return
	}
	if !asked.dry {
		body.SetName(name)
		n.keep(resource, body)
	}
	_ = json.NewEncoder(w).Encode(body) // to a client that is there
}

func (n *namespace) read(w http.ResponseWriter, resource, name string) {
	if name != "" {
		if live := n.objects[resource+"/"+name]; live != nil {
			_ = json.NewEncoder(w).Encode(live)
			return
		}
		answer(w, http.StatusNotFound, "it is not there", "")
		return
	}
	items := []any{}
	for _, key := range slices.Sorted(maps.Keys(n.objects)) {
		if strings.HasPrefix(key, resource+"/") {
			items = append(items, n.objects[key].Object)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "List", "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": strconv.Itoa(n.version)}, "items": items})
}

// watch streams what changes; a watch that is to begin with a list is refused, as old servers do.
func (n *namespace) watch(w http.ResponseWriter, r *http.Request, resource string) {
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		answer(w, http.StatusUnprocessableEntity, "sendInitialEvents is not known here", "ListOptions")
		return
	}
	seen, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	w.(http.Flusher).Flush()
	for {
		n.mu.Lock()
		more := n.more
		var lines [][]byte
		if !n.blind[resource] {
			for _, e := range n.events {
				if e.resource == resource && e.version > seen {
					lines, seen = append(lines, e.line), e.version
				}
			}
		}
		n.mu.Unlock()
		for _, line := range lines {
			_, _ = w.Write(line) // a client that went away is seen below
		}
		w.(http.Flusher).Flush()
		select {
		case <-more:
		case <-r.Context().Done():
			return
		case <-n.ended:
			return
		}
	}
}

// see has the watches of a resource show what they missed, or miss what comes.
func (n *namespace) see(resource string, sees bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blind[resource] = !sees
	close(n.more)
	n.more = make(chan struct{})
}

func (n *namespace) tell(kind, resource string, o *unstructured.Unstructured) {
	line, err := json.Marshal(map[string]any{"type": kind, "object": o.Object})
	if err != nil {
		panic(err) // it came from JSON
	}
	n.events = append(n.events, event{resource, n.version, append(line, '\n')})
	close(n.more)
	n.more = make(chan struct{})
}

// keep stores an object with the marks that a server sets.
func (n *namespace) keep(resource string, o *unstructured.Unstructured) {
	was := n.objects[resource+"/"+o.GetName()]
	n.version++
	o.SetNamespace("shop")
	o.SetResourceVersion(strconv.Itoa(n.version))
	kind := "ADDED"
	if was == nil {
		o.SetUID(types.UID(fmt.Sprintf("uid-%d", n.version)))
		o.SetCreationTimestamp(metav1.Now())
		o.SetGeneration(1)
	} else {
		kind = "MODIFIED"
		o.SetUID(was.GetUID())
		o.SetGeneration(was.GetGeneration())
		if fmt.Sprint(was.Object["spec"]) != fmt.Sprint(o.Object["spec"]) {
			o.SetGeneration(was.GetGeneration() + 1)
		}
	}
	n.objects[resource+"/"+o.GetName()] = o
	n.tell(kind, resource, o)
}

func (n *namespace) remove(resource, name string) {
	o := n.objects[resource+"/"+name].DeepCopy()
	delete(n.objects, resource+"/"+name)
	n.version++
	o.SetResourceVersion(strconv.Itoa(n.version))
	n.tell("DELETED", resource, o)
}

// put is a write by somebody else: a hand, a controller.
func (n *namespace) put(resource string, o *unstructured.Unstructured) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep(resource, o)
}

// live is an object as it is now; nil when it is not there.
func (n *namespace) live(resource, name string) *unstructured.Unstructured {
	n.mu.Lock()
	defer n.mu.Unlock()
	if o := n.objects[resource+"/"+name]; o != nil {
		return o.DeepCopy()
	}
	return nil
}

// settle is what the controllers make of the Deployments and Services: the pods that are asked
// for, ready, and their endpoints.
func (n *namespace) settle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(n.objects)) {
		resource, name, _ := strings.Cut(key, "/")
		if resource != "deployments" {
			continue
		}
		d := n.objects[key]
		count, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
		template, _, _ := unstructured.NestedMap(d.Object, "spec", "template")
		set := child("apps/v1", "ReplicaSet", name+"-5d8f7c6b9", d)
		set.SetLabels(map[string]string{release.LabelRevision: labelsOf(template)[release.LabelRevision]})
		set.Object["spec"] = map[string]any{"replicas": count, "template": template}
		set.Object["status"] = map[string]any{"replicas": count, "observedGeneration": int64(1000)}
		if n.differs("replicasets", set) {
			n.keep("replicasets", set)
		}
		for i := range int64(5) {
			pod := child("v1", "Pod", fmt.Sprintf("%s-5d8f7c6b9-%d", name, i), n.objects["replicasets/"+set.GetName()])
			pod.SetLabels(labelsOf(template))
			since := metav1.NewTime(time.Now().Add(-time.Minute)).UTC().Format(time.RFC3339)
			pod.Object["status"] = map[string]any{"phase": "Running", "conditions": []any{map[string]any{"type": "Ready", "status": "True", "lastTransitionTime": since}}}
			switch is := n.objects["pods/"+pod.GetName()]; {
			case i < count && is == nil:
				n.keep("pods", pod)
			case i >= count && is != nil:
				n.remove("pods", pod.GetName())
			}
		}
		if d.GetGeneration() != observed(d) {
			d = d.DeepCopy()
			_ = unstructured.SetNestedField(d.Object, d.GetGeneration(), "status", "observedGeneration")
			n.keep("deployments", d)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(n.objects)) {
		resource, name, _ := strings.Cut(key, "/")
		if resource != "services" {
			continue
		}
		selector, _, _ := unstructured.NestedStringMap(n.objects[key].Object, "spec", "selector")
		slice := child("discovery.k8s.io/v1", "EndpointSlice", name+"-x2", n.objects[key])
		slice.SetLabels(map[string]string{"kubernetes.io/service-name": name})
		endpoints := []any{}
		for _, key := range slices.Sorted(maps.Keys(n.objects)) {
			if strings.HasPrefix(key, "pods/") && selects(selector, n.objects[key].GetLabels()) {
				endpoints = append(endpoints, map[string]any{"conditions": map[string]any{"ready": true}, "targetRef": map[string]any{"kind": "Pod", "name": n.objects[key].GetName()}})
			}
		}
		slice.Object["endpoints"] = endpoints
		if n.differs("endpointslices", slice) {
			n.keep("endpointslices", slice)
		}
	}
}

func child(apiVersion, kind, name string, owner *unstructured.Unstructured) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	o.SetName(name)
	o.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(owner, owner.GroupVersionKind())})
	return o
}

func labelsOf(template map[string]any) map[string]string {
	labels, _, _ := unstructured.NestedStringMap(template, "metadata", "labels")
	return labels
}

func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}

func observed(d *unstructured.Unstructured) int64 {
	at, _, _ := unstructured.NestedInt64(d.Object, "status", "observedGeneration")
	return at
}

// differs tells that an object is not there, or says something else.
func (n *namespace) differs(resource string, o *unstructured.Unstructured) bool {
	was := n.objects[resource+"/"+o.GetName()]
	if was == nil {
		return true
	}
	for _, field := range []string{"spec", "endpoints"} {
		if fmt.Sprint(was.Object[field]) != fmt.Sprint(o.Object[field]) {
			return true
		}
	}
	return was.GetOwnerReferences()[0].UID != o.GetOwnerReferences()[0].UID
}

// patched is an object after a patch; a code says why there is none.
func patched(r *http.Request, live *unstructured.Unstructured) (o *unstructured.Unstructured, code int, words, kind string) {
	var patch any
	if decode(r, &patch) != nil {
		return nil, http.StatusBadRequest, "no JSON", ""
	}
	how := types.PatchType(r.Header.Get("Content-Type"))
	if how == types.JSONPatchType {
		if live == nil {
			return nil, http.StatusNotFound, "it is not there", ""
		}
		o = live.DeepCopy()
		for _, op := range patch.([]any) {
			if !operate(o.Object, op.(map[string]any)) {
				return nil, http.StatusUnprocessableEntity, "a test of the patch failed", ""
			}
		}
		return o, 0, "", ""
	}
	change := &unstructured.Unstructured{Object: patch.(map[string]any)}
	uid, version := change.GetUID(), change.GetResourceVersion()
	switch {
	case live == nil && (uid != "" || how == types.MergePatchType):
		return nil, http.StatusConflict, "it is not there", ""
	case live == nil:
		return change, 0, "", ""
	case uid != "" && uid != live.GetUID() || version != "" && version != live.GetResourceVersion():
		return nil, http.StatusConflict, "it is another", ""
	}
	o = live.DeepCopy()
	merge(o.Object, change.Object)
	if selector, found, _ := unstructured.NestedMap(change.Object, "spec", "selector"); found && o.GetKind() == "Service" {
		_ = unstructured.SetNestedMap(o.Object, selector, "spec", "selector") // atomic
	}
	return o, 0, "", ""
}

// decode reads a request's JSON; whole numbers stay whole.
func decode(r *http.Request, into any) error {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	return utiljson.Unmarshal(text, into)
}

func merge(into, from map[string]any) {
	for k, v := range from {
		deeper, isMap := v.(map[string]any)
		if below, both := into[k].(map[string]any); isMap && both {
			merge(below, deeper)
			continue
		}
		into[k] = v
	}
}

// operate makes one operation of a JSON patch, and reports false where a test fails.
func operate(o map[string]any, op map[string]any) bool {
	steps := strings.Split(strings.TrimPrefix(op["path"].(string), "/"), "/")
	for i := range steps {
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(steps[i])
	}
	for _, step := range steps[:len(steps)-1] {
		below, is := o[step].(map[string]any)
		if !is {
			return false
		}
		o = below
	}
	last := steps[len(steps)-1]
	switch op["op"] {
	case "test":
		return fmt.Sprint(o[last]) == fmt.Sprint(op["value"])
	case "remove":
		delete(o, last)
	default:
		o[last] = op["value"]
	}
	return true
}

func answer(w http.ResponseWriter, code int, words, kind string) {
	status := metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Code: int32(code), Message: words}
	switch code {
	case http.StatusOK:
		status.Status = "Success"
	case http.StatusConflict:
		status.Reason = metav1.StatusReasonConflict
	case http.StatusNotFound:
		status.Reason = metav1.StatusReasonNotFound
	case http.StatusForbidden:
		status.Reason = metav1.StatusReasonForbidden
	case http.StatusUnprocessableEntity:
		status.Reason = metav1.StatusReasonInvalid
	}
	if kind != "" {
		status.Details = &metav1.StatusDetails{Kind: kind}
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(status)
}
