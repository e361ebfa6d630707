package reconciler

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"

	"github.com/kexal/kexal/reconciler/cluster"
	"github.com/kexal/kexal/reconciler/release"
)

const manifests = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:v1"}]}
`

func rolloutYAML(metadata string) string {
	return "apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nmetadata: {" + metadata + "}\nspec: {strategy: {canary: {steps: [{setWeight: 50}, {pause: {}}]}}}\n"
}

// tree is a commit of directories with a Deployment each; their rollout.yaml as given.
func tree(dirs ...string) fstest.MapFS {
	t := fstest.MapFS{"README.md": {}}
	for i := 0; i+1 < len(dirs); i += 2 {
		t[dirs[i]+"/web.yaml"] = &fstest.MapFile{Data: []byte(manifests)}
		t[dirs[i]+"/rollout.yaml"] = &fstest.MapFile{Data: []byte(dirs[i+1])}
	}
	return t
}

// reader is a reconciler that reads commits and never reaches a cluster.
func reader(t *testing.T) (*Reconciler, *bytes.Buffer) {
	t.Helper()
	c, err := cluster.New(&rest.Config{Host: "http://127.0.0.1:1"}, "shop", release.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	return New(Settings{Namespace: "shop", Branch: "main", Paths: []string{"."}, Cluster: c, Log: zerolog.New(&log)}), &log
}

var commits atomic.Int64

func (r *Reconciler) follow(tree fs.FS) {
	err := r.take(Commit{Hash: fmt.Sprintf("%040x", commits.Add(1)), Subject: "web: v1", Author: "Ada <ada@example.com>", Tree: tree})
	if err != nil {
		panic(err) // a tree in memory can be read
	}
}

// found says in one line what a commit asks for.
func found(r *Reconciler) string {
	var all []string
	for name, d := range r.desired {
		line := name + "@" + d.dir
		if d.err != nil {
			line += " held"
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// A rollout is called by its metadata.name, else by its directory (SPEC 1.2), and knows
// where it was read.
func TestNames(t *testing.T) {
	r, _ := reader(t)
	r.follow(tree("apps/web", rolloutYAML(""), "apps/api", rolloutYAML("name: backend"), "apps/ours", rolloutYAML("name: ours, namespace: shop")))
	if got := found(r); got != "backend@apps/api, ours@apps/ours, web@apps/web" {
		t.Errorf("the commit asks for %s", got)
	}
	d := r.desired["web"]
	if s := d.source; s.Branch != "main" || s.Path != "apps/web" || s.Commit != fmt.Sprintf("%040x", commits.Load()) || s.Subject != "web: v1" || s.Author != "Ada <ada@example.com>" {
		t.Errorf("it was read from %+v", s)
	}
	w := d.wanted()
	if w.Revision != d.release.Revision || w.Sizes["web"] != 2 || w.Seen == "" || w.Digest != release.DigestVersion {
		t.Errorf("Git asks for %+v", w)
	}
}

// Two rollouts of one name are both refused, and both files are named: neither can be
// taken for the other (SPEC 1.2).
func TestTwoOfOneName(t *testing.T) {
	r, _ := reader(t)
	r.follow(tree("a/web", rolloutYAML(""), "b", rolloutYAML("name: web"), "c", rolloutYAML("name: other")))
	d := r.desired["web"]
	if got := found(r); got != "other@c, web@b held" || d.release != nil {
		t.Errorf("the commit asks for %s", got)
	}
	want := "a/web/rollout.yaml:3:1: web is the name of b/rollout.yaml too: rename one of them\n" +
		"b/rollout.yaml:3:18: web is the name of a/web/rollout.yaml too: rename one of them"
	if d.err.Error() != want {
		t.Errorf("got %v\nwant %s", d.err, want)
	}
	r.follow(tree("a/web", rolloutYAML(""), "b", rolloutYAML("name: api")))
	if got := found(r); got != "api@b, web@a/web" {
		t.Errorf("after one was renamed it asks for %s", got)
	}
}

// A rollout of another namespace is somebody else's: skipped, and said in the log
// (SPEC 1.1); it may have the name of one of ours.
func TestAnotherNamespace(t *testing.T) {
	r, log := reader(t)
	r.follow(tree("web", rolloutYAML(""), "staging/web", rolloutYAML("name: web, namespace: staging")))
	if got := found(r); got != "web@web" {
		t.Errorf("the commit asks for %s", got)
	}
	if !strings.Contains(log.String(), `"file":"staging/web/rollout.yaml"`) {
		t.Errorf("the log says %s", log)
	}
}

// Somebody else's mistake holds up nobody here: their file stays theirs while it cannot
// be decoded, by what its text still says or by what it said before (SPEC 1.1).
func TestBrokenInAnotherNamespace(t *testing.T) {
	r, _ := reader(t)
	r.follow(tree("web", rolloutYAML(""), "staging/web", rolloutYAML("namespace: staging")))
	for what, text := range map[string]string{
		"a mistake":       rolloutYAML("namespace: staging") + "unknown: field\n",
		"an alias":        "x: &x 1\ny: *x\nmetadata: {namespace: staging}\n",
		"no YAML at all":  "metadata: {name: [\n",
		"still no YAML":   "]",
		"mended meantime": rolloutYAML("namespace: staging"),
	} {
		r.follow(tree("web", rolloutYAML(""), "staging/web", text))
		if got := found(r); got != "web@web" {
			t.Errorf("%s: the commit asks for %s", what, got)
		}
	}
}

// A name must leave room for colours and states: a DNS label of at most 40 characters
// (SPEC 1.2).
func TestInvalidNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"web": true, "0": true, "web-2": true, strings.Repeat("a", 40): true,
		"": false, "Web": false, "web_1": false, "web.shop": false, "-web": false, "web-": false, "größe": false, "../web": false, strings.Repeat("a", 41): false,
	} {
		err := validName(name)
		if (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if want := fmt.Sprintf("%q cannot name a rollout: set metadata.name to at most 40 small letters, digits and dashes", name); err != nil && err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	// No object can be called so: it is said in the log, and the others are followed.
	r, log := reader(t)
	r.follow(tree("apps/My_App", rolloutYAML(""), "web", rolloutYAML("")))
	if got := found(r); got != "web@web" || !strings.Contains(log.String(), `apps/My_App/rollout.yaml:3:1: \"My_App\" cannot name a rollout: set metadata.name`) {
		t.Errorf("it asks for %s; the log says %s", got, log)
	}
}

// A rollout.yaml that is broken still belongs to the rollout it belonged to: its
// problem is told there, and no other rollout is taken as removed.
func TestBrokenKeepsItsName(t *testing.T) {
	r, _ := reader(t)
	r.follow(tree("web", rolloutYAML("name: shop-web")))
	for what, text := range map[string]string{
		"no YAML at all":          "metadata: {name: [\n",
		"empty":                   "",
		"the name went with it":   "apiVersion: kexal.dev/v1alpha1\nkind: Rollout\nspec: {strategy: {recreate: {}}}\n",
		"a mistake in the steps":  rolloutYAML("name: shop-web") + "unknown: field\n",
		"a name behind an alias":  "x: &x shop-web\nmetadata: {name: *x}\n",
		"a version of the future": "apiVersion: kexal.dev/v9\nkind: Rollout\nmetadata: {name: shop-web}\nspec: {}\n",
	} {
		r.follow(tree("web", text))
		if got := found(r); got != "shop-web@web held" {
			t.Errorf("%s: the commit asks for %s", what, got)
		}
	}
	r.follow(tree("web", rolloutYAML("name: shop-web")))
	if got := found(r); got != "shop-web@web" {
		t.Errorf("mended, the commit asks for %s", got)
	}
}

// After a restart a broken file is whose its text says, else the directory's: there is
// no earlier name.
func TestBrokenAtTheStart(t *testing.T) {
	r, _ := reader(t)
	r.follow(tree("web", "metadata: {name: [\n", "api", "metadata: {name: backend}\nspec: [\n]\n"))
	if got := found(r); got != "backend@api held, web@web held" {
		t.Errorf("the commit asks for %s", got)
	}
}

// What needs a router or measurements is a mistake here, at its place; an abort beside it
// is read, and somebody else's is nobody's business here (SPEC 1.1, 3.2).
func TestMeansThatAreNotThere(t *testing.T) {
	r, log := reader(t)
	const strategy = "{canary: {trafficRouting: {nginx: {stableIngress: web}}, steps: [{analysis: {templates: [{templateName: a}]}}]}}"
	wants := func(metadata string) string {
		text := strings.Replace(rolloutYAML(metadata), "{canary: {steps: [{setWeight: 50}, {pause: {}}]}}", strategy, 1)
		return strings.Replace(text, "spec: {", "spec: {abort: 3f2a9c1b04, ", 1)
	}
	r.follow(tree("web", wants(""), "api", wants("namespace: other")))
	if got := found(r); got != "web@web held" {
		t.Fatalf("the commit asks for %s", got)
	}
	d := r.desired["web"]
	want := []string{
		"web/rollout.yaml:4:47: trafficRouting needs a router to be driven, which this version of the agent does not do: leave it out: the weight is then the ratio of pods",
		"web/rollout.yaml:4:103: analysis needs measurements, which this version of the agent cannot take: leave it out",
	}
	if got := strings.Split(d.err.Error(), "\n"); !slices.Equal(got, want) || d.spec.Intents.Abort != "3f2a9c1b04" {
		t.Errorf("it is held by\n%s\nand knows the abort of %q", d.err, d.spec.Intents.Abort)
	}
	r.follow(tree("web", strings.Replace(rolloutYAML(""), "{canary: {steps: [{setWeight: 50}, {pause: {}}]}}", "{blueGreen: {maxUnavailable: 1}}", 1)))
	if got := found(r); got != "web@web" || !strings.Contains(log.String(), "web/rollout.yaml:4:31: blueGreen.maxUnavailable is how many") {
		t.Errorf("the commit asks for %s; the log says %s", got, log)
	}
}

// A mistake beside an abort leaves the abort readable: a person can still send users
// back (SPEC 6.9).
func TestAbortBesideAMistake(t *testing.T) {
	r, _ := reader(t)
	good := tree("web", strings.Replace(rolloutYAML(""), "spec: {", "spec: {abort: 3f2a9c1b04, ", 1))
	good["web/web.yaml"] = &fstest.MapFile{Data: []byte("kind: [\n")}
	r.follow(good)
	if d := r.desired["web"]; d.err == nil || d.spec.Intents.Abort != "3f2a9c1b04" {
		t.Errorf("it is held by %v and knows the abort of %q", d.err, d.spec.Intents.Abort)
	}
}

// A directory that is removed is no longer asked for, and its rollout is woken so that
// it says so: objects are kept (SPEC 1.4). One that moves keeps its name.
func TestRemovedDirectory(t *testing.T) {
	r, _ := reader(t)
	r.follow(tree("web", rolloutYAML(""), "api", rolloutYAML("")))
	for r.queue.Len() > 0 {
		name, _ := r.queue.Get()
		r.queue.Done(name)
	}
	r.follow(tree("services/api", rolloutYAML("")))
	if got := found(r); got != "api@services/api" || !r.polled {
		t.Errorf("the commit asks for %s", got)
	}
	var woken []string
	for r.queue.Len() > 0 {
		name, _ := r.queue.Get()
		woken = append(woken, name)
		r.queue.Done(name)
	}
	slices.Sort(woken)
	if !slices.Equal(woken, []string{"api", "web"}) {
		t.Errorf("woken: %q", woken)
	}
}

// A root that is not in the commit is said in the log, and what is below the others is
// followed; what was below it is removed from Git (SPEC 1.4).
func TestMissingRoot(t *testing.T) {
	r, log := reader(t)
	r.Paths = []string{"web", "api"}
	r.follow(tree("web", rolloutYAML(""), "api", rolloutYAML("")))
	r.follow(tree("api", rolloutYAML("")))
	if got := found(r); got != "api@api" || !strings.Contains(log.String(), "web: there is no such directory in the commit") {
		t.Errorf("it asks for %s; the log says %s", got, log)
	}
}

// The same directory in another commit is the same wish; another rollout.yaml or
// another object is a new one, with or without a new revision (SPEC 7.1).
func TestSeen(t *testing.T) {
	r, _ := reader(t)
	seen := func(change func(fstest.MapFS)) (seen, revision string) {
		files := tree("web", rolloutYAML(""))
		change(files)
		_, d := r.read(Commit{Tree: files}, "web")
		if d.err != nil {
			t.Fatal(d.err)
		}
		return d.seen, d.release.Revision
	}
	was, revision := seen(func(fstest.MapFS) {})
	if again, _ := seen(func(files fstest.MapFS) { files["api/x.yaml"] = &fstest.MapFile{Data: []byte("other: 1")} }); again != was {
		t.Error("a commit that changes nothing here is seen as another")
	}
	step, same := seen(func(files fstest.MapFS) {
		files["web/rollout.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(rolloutYAML(""), "50", "60", 1))}
	})
	size, sameToo := seen(func(files fstest.MapFS) {
		files["web/web.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(manifests, "replicas: 2", "replicas: 3", 1))}
	})
	image, other := seen(func(files fstest.MapFS) {
		files["web/web.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(manifests, "web:v1", "web:v2", 1))}
	})
	if step == was || size == was || image == was || same != revision || sameToo != revision || other == revision {
		t.Errorf("seen %s: steps %s, size %s, image %s; revision %s: %s, %s, %s", was, step, size, image, revision, same, sameToo, other)
	}
}
