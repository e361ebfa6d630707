package render

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/kexal/kexal/strategies"
)

func TestMirrored(t *testing.T) {
	places := map[string]string{"docker.io/": "registry.example/hub/", "docker.io/library/": "registry.example/official/", "quay.io/": "registry.example/quay/", "ghcr.io/acme/": "registry.example/acme/"}
	for image, want := range map[string]string{
		"redis":                          "registry.example/official/redis",
		"redis:7":                        "registry.example/official/redis:7",
		"redis@sha256:abcd":              "registry.example/official/redis@sha256:abcd",
		"bitnami/redis:7":                "registry.example/hub/bitnami/redis:7",
		"docker.io/redis":                "registry.example/official/redis",
		"index.docker.io/bitnami/redis":  "registry.example/hub/bitnami/redis",
		"docker.io/bitnami/redis":        "registry.example/hub/bitnami/redis",
		"quay.io/a/b/c:1@sha256:abcd":    "registry.example/quay/a/b/c:1@sha256:abcd",
		"ghcr.io/acme/web:1":             "registry.example/acme/web:1",
		"ghcr.io/acme-two/web:1":         "ghcr.io/acme-two/web:1",
		"registry.example/web:1":         "registry.example/web:1",
		"registry.example:5000/web:1":    "registry.example:5000/web:1",
		"localhost/web":                  "localhost/web",
		"localhost:5000/docker.io/redis": "localhost:5000/docker.io/redis",
		"registry.example/docker.io/web": "registry.example/docker.io/web",
		"quay.io.example/a":              "quay.io.example/a",
	} {
		if is := mirrored(image, places); is != want {
			t.Errorf("%s comes from %s, want %s", image, is, want)
		}
	}
}

// An image that is left from elsewhere is told by name, where a rollout says where its images come from.
func TestForeign(t *testing.T) {
	objects, wrong := parse("a.yaml", []byte(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: a, image: "redis:7"}, {name: b, image: "in.example/b"}, {name: c, image: "in.example.org/c"}], initContainers: [{name: d, image: "redis:7"}]}}}
`))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	places := map[string]string{"quay.io/": "in.example/quay/"}
	if is, want := Foreign(objects, places), []string{"in.example.org/c", "redis:7"}; !slices.Equal(is, want) {
		t.Errorf("foreign are %q, want %q", is, want)
	}
	if is := Foreign(objects, nil); len(is) > 0 {
		t.Errorf("where nobody says where images come from, foreign are %q", is)
	}
}

// Whatever a release is rendered from, each place that names an image is rewritten, and nothing else.
func TestImages(t *testing.T) {
	const pods = `{containers: [{name: a, image: "redis:7", args: ["redis:7"]}], initContainers: [{name: b, image: quay.io/b}], volumes: [{name: c, image: {reference: c/d}}, {name: e, emptyDir: {}}]}`
	files := fstest.MapFS{
		"web/deployment.yaml": {Data: []byte("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: " + pods + "}}\n")},
		"web/cron.yaml":       {Data: []byte("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: b}\nspec: {jobTemplate: {spec: {template: {spec: " + pods + "}}}}\n")},
		"web/pod.yaml":        {Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: c}\nspec: " + pods + "\n")},
		"web/other.yaml":      {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\ndata: {image: \"redis:7\"}\n")},
	}
	kustomized, charted := fstest.MapFS{}, fstest.MapFS{}
	for name, file := range files {
		kustomized[name] = file
		charted["web/templates/"+name[len("web/"):]] = file
	}
	kustomized["web/kustomization.yaml"] = &fstest.MapFile{Data: []byte("resources: [deployment.yaml, cron.yaml, pod.yaml, other.yaml]\n")}
	charted["web/Chart.yaml"] = &fstest.MapFile{Data: []byte(chartYAML)}
	for name, tree := range map[string]fstest.MapFS{"files": files, "a kustomization": kustomized, "a chart": charted} {
		t.Run(name, func(t *testing.T) {
			from := From{Name: "web", Namespace: "shop", Material: strategies.Material{Images: map[string]string{"docker.io/": "in.example/hub/", "quay.io/": "in.example/quay/"}}}
			objects, err := Objects(tree, "web", from)
			if err != nil || len(objects) != 4 {
				t.Fatalf("%d objects: %v", len(objects), err)
			}
			want := []string{"in.example/quay/b", "in.example/hub/library/redis:7", "in.example/hub/c/d"}
			for _, o := range objects {
				var found []string
				EachImage(o, func(image string) string { found = append(found, image); return image })
				if o.GetKind() == "ConfigMap" {
					if len(found) > 0 {
						t.Errorf("a ConfigMap names %q", found)
					}
					continue
				}
				if !slices.Equal(found, want) {
					t.Errorf("%s names %q, want %q", o.GetKind(), found, want)
				}
			}
		})
	}
}
