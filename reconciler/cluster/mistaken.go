package cluster

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/strategies"
)

// undeclared is what server-side apply says of a field that its kind does not have.
const undeclared = "field not declared in schema"

// cures are what an author can do about the server's words, and the field of a Deployment
// that they are about. The first that fits is taken.
var cures = []struct {
	words *regexp.Regexp
	field string
	fix   string
}{
	{regexp.MustCompile(`exceeded quota`), "spec.template.spec", "ask for less, or have the quota raised"},
	{regexp.MustCompile(`violates PodSecurity`), "spec.template.spec", "set the securityContext that it names"},
	{regexp.MustCompile(`error looking up service account`), "spec.template.spec.serviceAccountName", "name a ServiceAccount that is there"},
	{regexp.MustCompile(`(maximum|minimum) .* usage per|must specify limits|must specify requests`), "spec.template.spec.containers", "stay within the namespace's LimitRange"},
}

// A field in the server's words: after the kind in a typed patch, or before the colon of a
// validation error.
var (
	typedField = regexp.MustCompile(`\): (\.\S+): ` + undeclared)
	validField = regexp.MustCompile(`is invalid: \[?([a-z]\w*(?:[.\[][^ :]*)?): `)
	step       = regexp.MustCompile(`\[[^\]]*\]|[^.\[\]]+`)
)

// mistaken adds to a refusal what an author can do about it, and where. o is the object
// as Git has it.
func mistaken(err error, o *unstructured.Unstructured) error {
	no, ok := err.(*Refusal)
	if !ok {
		return err
	}
	no.Words = strings.ReplaceAll(no.Words, tried, "")
	no.At = &strategies.Place{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Name: o.GetName()}
	if no.Fix != "" {
		return no // it is the Role's
	}
	for _, c := range cures {
		if c.words.MatchString(no.Words) {
			if no.Fix = c.fix; o.GetKind() == "Deployment" {
				no.At.Field = strings.Split(c.field, ".")
			}
			return no
		}
	}
	no.Fix = "write what the server allows"
	if strings.Contains(no.Words, "Required value") {
		no.Fix = "add it"
	}
	for _, field := range []*regexp.Regexp{typedField, validField} {
		if m := field.FindStringSubmatch(no.Words); m != nil {
			no.At.Field = way(o.Object, m[1])
			break
		}
	}
	if strings.Contains(no.Words, undeclared) {
		// What comes before is about the patch that kexal made.
		no.Words = typedField.FindStringSubmatch(no.Words)[1] + ": " + undeclared
		no.Fix = "mend its spelling, or remove it"
	}
	return no
}

// way turns the server's name of a field into the steps to it: an entry of a list is named
// where it has a name, for the files may count otherwise than the server.
func way(object any, field string) []string {
	var steps []string
	for _, s := range step.FindAllString(field, -1) {
		s = strings.Trim(s, "[]")
		if m, ok := object.(map[string]any); ok {
			object = m[s]
		} else if list, ok := object.([]any); ok {
			if key, value, keyed := strings.Cut(s, "="); keyed {
				s, object = key+"="+strings.Trim(value, `"`), entryOf(list, key, strings.Trim(value, `"`))
			} else {
				var i int
				if _, err := fmt.Sscan(s, &i); err != nil || i < 0 || i >= len(list) {
					return steps
				}
				object = list[i]
				if e, ok := object.(map[string]any); ok && e["name"] != nil {
					s = fmt.Sprintf("name=%v", e["name"])
				}
			}
		}
		steps = append(steps, s)
	}
	return steps
}

func entryOf(list []any, key, value string) any {
	for _, e := range list {
		if m, ok := e.(map[string]any); ok && fmt.Sprint(m[key]) == value {
			return e
		}
	}
	return nil
}
