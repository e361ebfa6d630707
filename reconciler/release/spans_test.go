package release

import (
	"strings"
	"testing"

	"github.com/kexal/kexal/strategies"
)

// In between both colours serve behind one selector and one target port. A release that
// cannot be served so beside stable is refused before it starts, with what to do
// (SPEC 5.9, K21).
func TestSpans(t *testing.T) {
	web := fixture(t, "web.yaml")
	unlisted := swap(t, swap(t, web, "        ports: [{name: http, containerPort: 8080}]\n", ""), "targetPort: http", "targetPort: 8080")
	byNumber := func(n string) string {
		return swap(t, swap(t, web, "containerPort: 8080", "containerPort: "+n), "targetPort: http", "targetPort: "+n)
	}
	labels := "{labels: {app: web}}"
	more := web + "---\napiVersion: v1\nkind: Service\nmetadata: {name: more}\nspec: {selector: {app: other}, ports: [{port: 80}]}\n"
	for _, c := range []struct {
		name, stable, next, want string
	}{
		{"nothing changed", web, web, ""},
		{"a new image", web, swap(t, web, "web:v1", "web:v2"), ""},
		{"a named port moves to another number", web, swap(t, web, "8080", "9090"), ""},
		{"a port by number stays", byNumber("8080"), byNumber("8080"), ""},
		{"a port by number moves", byNumber("8080"), byNumber("9090"),
			"Service web sends to port 9090, which not both revisions' pods have: use a named port"},
		{"nobody lists ports", unlisted, unlisted, ""},
		{"a port gets another name", web, strings.ReplaceAll(web, "http", "web-port"),
			`Service web sends to port "web-port", which stable's pods do not have: add the port in a release of its own first`},
		{"the pods get one more label", web, swap(t, web, labels, "{labels: {app: web, tier: front}}"), ""},
		{"the pods lose what stable is selected by",
			swap(t, swap(t, web, labels, "{labels: {app: web, tier: front}}"), "selector: {app: web}\n", "selector: {app: web, tier: front}\n"),
			web,
			"Service web selects stable's pods by map[app:web tier:front], which the new pods do not have: keep the labels that a Service selects by"},
		{"a Service that serves selects something else",
			strings.Replace(more, "app: other", "app: web", 1), more,
			"Service more serves and would select none of the pods of Deployment web: make its selector match the pods' labels, or give the new Service another name"},
		{"a Service that is new", swap(t, web, "metadata: {name: web}", "metadata: {name: old}"), web, ""},
	} {
		stable := read(t, c.stable).Track("c1")
		got := ""
		if err := read(t, c.next).Spans(stable, every); err != nil {
			got = strings.TrimPrefix(err.Error(), ": ")
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// A rollout without a Service has nothing to span.
func TestSpansWorker(t *testing.T) {
	web, _, _ := strings.Cut(fixture(t, "web.yaml"), "\n---\n")
	if err := read(t, web).Spans(strategies.Track{Workloads: map[string]strategies.Workload{"web": {Ports: map[string]int32{"other": 1}}}}, every); err != nil {
		t.Error(err)
	}
}

func every(string) bool { return true }
