package render

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// podSpecs are where each kind keeps what its pods are.
var podSpecs = map[string][]string{
	"Pod":         {"spec"},
	"Deployment":  {"spec", "template", "spec"},
	"ReplicaSet":  {"spec", "template", "spec"},
	"StatefulSet": {"spec", "template", "spec"},
	"DaemonSet":   {"spec", "template", "spec"},
	"Job":         {"spec", "template", "spec"},
	"CronJob":     {"spec", "jobTemplate", "spec", "template", "spec"},
}

// mirror has the images of all pods pulled from where a rollout says.
func mirror(objects []*unstructured.Unstructured, places map[string]string) {
	if len(places) == 0 {
		return
	}
	for _, o := range objects {
		EachImage(o, func(image string) string { return mirrored(image, places) })
	}
}

// EachImage gives every image that the pods of an object name, and writes what comes back for it.
func EachImage(o *unstructured.Unstructured, do func(image string) string) {
	at := podSpecs[o.GetKind()]
	if at == nil {
		return
	}
	pod, _, _ := unstructured.NestedFieldNoCopy(o.Object, at...)
	spec, _ := pod.(map[string]any)
	rewrite := func(in map[string]any, field string) {
		if name, is := in[field].(string); is && name != "" {
			in[field] = do(name)
		}
	}
	for _, list := range []string{"initContainers", "containers"} {
		items, _ := spec[list].([]any)
		for _, item := range items {
			container, _ := item.(map[string]any)
			rewrite(container, "image")
		}
	}
	volumes, _ := spec["volumes"].([]any)
	for _, item := range volumes {
		volume, _ := item.(map[string]any)
		image, _ := volume["image"].(map[string]any)
		rewrite(image, "reference")
	}
}

// Foreign are the images of objects, sorted, that come from none of the places that a rollout has its
// images pulled from. Where it names no places nobody knows which are foreign, and there are none.
func Foreign(objects []*unstructured.Unstructured, places map[string]string) (all []string) {
	if len(places) == 0 {
		return nil
	}
	for _, o := range objects {
		EachImage(o, func(image string) string {
			for _, to := range places {
				registry, _, _ := strings.Cut(to, "/")
				if strings.HasPrefix(Whole(image), registry+"/") {
					return image
				}
			}
			all = append(all, image)
			return image
		})
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// mirrored is where an image is pulled from instead: the longest beginning of its whole name that
// the rollout names. What fits none is left as it is written.
func mirrored(image string, places map[string]string) string {
	whole, best := Whole(image), ""
	for from := range places {
		if strings.HasPrefix(whole, from) && len(from) > len(best) {
			best = from
		}
	}
	if best == "" {
		return image
	}
	return places[best] + whole[len(best):]
}

// Whole is an image's name with the registry that a short one means: redis is
// docker.io/library/redis, as the container runtimes have it (distribution/reference,
// "familiar names").
func Whole(image string) string {
	first, rest, several := strings.Cut(image, "/")
	if several && (strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first) {
		if first == "index.docker.io" {
			first = "docker.io"
		}
		if first == "docker.io" && !strings.Contains(rest, "/") {
			rest = "library/" + rest
		}
		return first + "/" + rest
	}
	if !several {
		image = "library/" + image
	}
	return "docker.io/" + image
}
