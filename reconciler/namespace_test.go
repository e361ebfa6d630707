package reconciler

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rs/zerolog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kexal/kexal/fixtures/world/apiserver"
	"github.com/kexal/kexal/fixtures/world/controllers"
	"github.com/kexal/kexal/fixtures/world/timeline"
	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// A namespace is one in memory, with the controllers of Kubernetes, under a clock that stands
// still unless a test lets time pass: what fixtures/world plays in, without chance.
type namespace struct {
	line    *timeline.Timeline
	server  *apiserver.Server
	watches []*apiserver.Watch
	blind   map[string]bool // kinds whose watches show nothing for now
	refuse  func(r request) string
	asked   []request // writes, those that were refused too
}

// A request is one that writes, or that only tries to.
type request struct {
	verb, object string // as in "patch Deployment web-blue"
	dry          bool
}

func newNamespace() *namespace {
	n := &namespace{line: timeline.New(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)), blind: map[string]bool{}}
	n.server = apiserver.New(n.line.Now, "shop")
	controllers.Start(n.server, n.line, rand.New(rand.NewPCG(1, 1)), controllers.Usual())
	return n
}

// writes are those that were asked for since the last call, in their order.
func (n *namespace) writes() []string {
	var all []string
	for _, r := range n.asked {
		if !r.dry {
			all = append(all, r.verb+" "+r.object)
		}
	}
	n.asked = nil
	return all
}

// conflicting are the words of a conflict.
const conflicting = "the object has been modified"

// refuses has requests refused: with a function's words, unless they are empty.
func (n *namespace) refuses(words func(r request) string) { n.refuse = words }

// around is what becomes of an agent's request.
func (n *namespace) around(r apiserver.Request, do func() (*unstructured.Unstructured, error)) (*unstructured.Unstructured, error) {
	if r.Verb == "get" || r.Verb == "list" {
		return do()
	}
	asked := request{r.Verb, r.Kind + " " + r.Name, r.DryRun}
	n.asked = append(n.asked, asked)
	if n.refuse != nil {
		if words := n.refuse(asked); words != "" {
			if words == conflicting {
				return nil, apierrors.NewConflict(schema.GroupResource{Resource: r.Kind}, r.Name, errors.New(words))
			}
			return nil, apierrors.NewForbidden(schema.GroupResource{Resource: r.Kind}, r.Name, errors.New(words))
		}
	}
	return do()
}

// see has the watches of a kind show what they missed, or miss what comes.
func (n *namespace) see(kind string, sees bool) { n.blind[kind] = !sees }

// show has the watches show all that is there.
func (n *namespace) show() {
	for _, w := range n.watches {
		for kind := range cluster.Watched {
			for !n.blind[kind] && w.Deliver(kind) {
			}
		}
	}
}

// put is a write by a hand.
func (n *namespace) put(o *unstructured.Unstructured) { n.server.PutAs("hand", o) }

// live is a copy of an object as it is now; nil when it is not there.
func (n *namespace) live(kind, name string) *unstructured.Unstructured {
	if o := n.server.Live(kind, name); o != nil {
		return o.DeepCopy()
	}
	return nil
}

// settle lets the controllers do what there is to do: pods come, and are gone.
func (n *namespace) settle() { n.line.RunTo(n.line.Now().Add(15 * time.Second)) }

// Wait and AtOnce are the pace of the agents here.
func (n *namespace) Wait(ctx context.Context, d time.Duration) error {
	n.line.RunTo(n.line.Now().Add(d))
	return context.Cause(ctx)
}

func (n *namespace) AtOnce(all ...func()) {
	for _, f := range all {
		f()
	}
}

// acting is a reconciler over a namespace, whose passes a test makes.
type acting struct {
	*Reconciler
	n *namespace
}

func agent(t *testing.T, n *namespace) acting {
	t.Helper()
	client, watch := n.server.Client("kexal"), apiserver.NewWatch(n.server)
	client.Around = n.around
	c := cluster.Over(client, watch, n, "shop", release.Options{})
	if err := c.Start(t.Context(), func(string) {}); err != nil {
		t.Fatal(err)
	}
	n.watches = append(n.watches, watch)
	t.Cleanup(watch.Stop)
	return acting{New(Settings{Namespace: "shop", Branch: "main", Paths: []string{"."}, Cluster: c, Ledger: &said{}, Log: zerolog.Nop(), Now: n.line.Now}), n}
}

// play makes passes, and the controllers settle after each, until the rollout says what is
// waited for.
func (a acting) play(t *testing.T, reason strategies.Reason) {
	t.Helper()
	for range 40 {
		a.n.show()
		if _, err := a.pass(t.Context(), "web"); err != nil && !errors.Is(err, cluster.ErrConflict) {
			t.Fatal(err)
		}
		a.n.settle()
		if a.state(t).Reason == reason {
			return
		}
	}
	t.Fatalf("it does not come to %s: %+v", reason, a.state(t))
}

func (a acting) state(t *testing.T) strategies.State {
	t.Helper()
	a.n.show()
	record, err := a.Cluster.Read("web")
	if err != nil {
		t.Fatal(err)
	}
	return record.State
}

// sight is the rollout as the watches show it.
func (a acting) sight(was strategies.State) cluster.Sight {
	a.n.show()
	return a.Cluster.Observe(a.n.line.Now(), cluster.Subject{Rollout: "web", State: was})
}
