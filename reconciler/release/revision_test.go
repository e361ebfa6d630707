package release

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func fixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// These digests are in clusters and in ledgers. Should one of them change here, every
// rollout would start again at the next upgrade: raise DigestVersion and compute both
// (SPEC 2.1), never accept a new digest for the same version.
func TestRevisionIsGolden(t *testing.T) {
	if DigestVersion != 1 {
		t.Fatal("add the digests of the new version beside these")
	}
	for file, want := range map[string]string{"web.yaml": "fa61e81cb7", "shop.yaml": "df527a96c1"} {
		if got := read(t, fixture(t, file)).Revision; got != want {
			t.Errorf("the revision of %s is %s, it was %s", file, got, want)
		}
	}
}

// Size, labels of the Deployment itself, a restart, the order of keys and of documents,
// config that no pod uses, Services and what a dump leaves behind are not revision
// (SPEC 2.1, 2.3, 5.22).
func TestRevisionIsUnchanged(t *testing.T) {
	web, shop := fixture(t, "web.yaml"), fixture(t, "shop.yaml")
	docs := strings.Split(shop, "\n---\n")
	slices.Reverse(docs)
	for _, c := range []struct{ what, from, to string }{
		{"replicas", web, swap(t, web, "replicas: 4", "replicas: 40")},
		{"no replicas", web, swap(t, web, "  replicas: 4\n", "")},
		{"a restart", web, swap(t, web, "metadata: {labels: {app: web}}", `metadata: {labels: {app: web}, annotations: {kexal.dev/restartedAt: "2026-11-21T10:00:00Z"}}`)},
		{"a restart beside other annotations", shop, swap(t, shop, `{checksum: "0123456789"}`, `{kexal.dev/restartedAt: "now", checksum: "0123456789"}`)},
		{"the order of keys", web, swap(t, web, "name: web\n        image: registry.example/web:v1", "image: registry.example/web:v1\n        name: web")},
		{"the order of documents", shop, strings.Join(docs, "\n---\n")},
		{"labels of the Deployment", web, swap(t, web, "team: shop", "team: other")},
		{"annotations of the Deployment", shop, swap(t, shop, "owner: team-shop", "owner: nobody")},
		{"creationTimestamp: null", web, swap(t, web, "metadata: {labels: {app: web}}", "metadata: {creationTimestamp: null, labels: {app: web}}")},
		{"how text is quoted", web, swap(t, web, "image: registry.example/web:v1", `image: "registry.example/web:v1"`)},
		{"config that no pod uses", shop, swap(t, shop, "note: the pods", "note: still the pods")},
		{"a port of a Service", web, swap(t, web, "port: 80,", "port: 81,")},
		{"how a Deployment rolls", web, swap(t, web, "replicas: 4", "replicas: 4\n  minReadySeconds: 9")},
	} {
		if before, after := read(t, c.from).Revision, read(t, c.to).Revision; before != after {
			t.Errorf("%s: %s became %s", c.what, before, after)
		}
	}
}

// What runs in a pod is the revision: its template and the config that it uses (SPEC
// 2.1).
func TestRevisionChanges(t *testing.T) {
	shop := fixture(t, "shop.yaml")
	for _, c := range []struct{ what, old, new string }{
		{"image", "registry.example/proxy:v3", "registry.example/proxy:v4"},
		{"the image of an init container", "migrate:v7", "migrate:v8"},
		{"env", "resources: {limits", "env: [{name: A, value: b}]\n        resources: {limits"},
		{"resources", "cpu: 500m", "cpu: 501m"},
		{"a large whole number", "9007199254740993", "9007199254740992"},
		{"a label of the pods", `"12e4567890"`, `"12e4567891"`},
		{"an annotation of the pods", `"0123456789"`, `"123456789"`},
		{"config data", "COLOR: red", "COLOR: blue"},
		{"binary config data", "iVBORw0KGgo=", "iVBORw0KGgp="},
	} {
		if before, after := read(t, shop).Revision, read(t, swap(t, shop, c.old, c.new)).Revision; before == after {
			t.Errorf("%s: still %s", c.what, after)
		}
	}
	renamed := strings.ReplaceAll(shop, "settings-4k2b7m9t5g", "settings-4k2b7m9t5h")
	if read(t, shop).Revision == read(t, renamed).Revision {
		t.Error("config of another name: still the same revision")
	}
}

// A revision is ten hex digits; reading the release twice, or making objects from it in
// between, does not change it.
func TestRevisionStays(t *testing.T) {
	r := read(t, fixture(t, "shop.yaml"))
	if len(r.Revision) != 10 || strings.Trim(r.Revision, "0123456789abcdef") != "" {
		t.Errorf("the revision is %q", r.Revision)
	}
	before := digest(r.Workloads[0].Object)
	r.Deployment(r.Workloads[0], stampOf(r), "blue", Options{})
	r.PodTemplate(r.Workloads[0], "green", Options{})
	for _, o := range slices.Concat(r.Services, r.Others) {
		r.Shared(o)
	}
	if digest(r.Workloads[0].Object) != before {
		t.Error("making objects changed what Git says")
	}
}

// The digest of all that was rendered changes with any of it and with rollout.yaml, and
// not otherwise: it says which commit was the last that changed this rollout (SPEC 7.1).
func TestDigest(t *testing.T) {
	web := fixture(t, "web.yaml")
	was := Digest(objects(t, web), []byte("spec: 1"))
	if Digest(objects(t, web), []byte("spec: 1")) != was {
		t.Error("the same objects give another digest")
	}
	if Digest(objects(t, web), []byte("spec: 2")) == was {
		t.Error("another rollout.yaml gives the same digest")
	}
	if Digest(objects(t, swap(t, web, "replicas: 4", "replicas: 5")), []byte("spec: 1")) == was {
		t.Error("another count gives the same digest")
	}
}
