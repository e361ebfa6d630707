package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kexal/kexal/strategies"
)

// ErrConflict: the object is not what was observed. Nothing was written; observe and
// decide again.
var ErrConflict = errors.New("it changed since it was observed")

// A Refusal is the API server's no: trying again at once gives the same answer (SPEC
// 6.6).
type Refusal struct {
	What  string            // what was tried, such as "apply Service web"
	Words string            // the server's
	Fix   string            // what to do about it; empty when only the words tell
	At    *strategies.Place // what of the release is refused; nil when that is not known
}

func (r *Refusal) Error() string { return r.Mistake().Error() }

// Mistake is the refusal as its author reads it.
func (r *Refusal) Mistake() *strategies.Mistake {
	return &strategies.Mistake{At: r.At, Err: errors.New(r.What + " is refused: " + r.Words), Fix: r.Fix}
}

// Refused is the server's first no, where all that failed was refused; else nil. What failed in another
// way beside it may go through at once, and does not rest with what was refused (SPEC 5.17, 6.6).
func Refused(err error) (first *Refusal) {
	several, are := err.(interface{ Unwrap() []error })
	if !are {
		errors.As(err, &first)
		return first
	}
	for _, err := range several.Unwrap() {
		no := Refused(err)
		if no == nil {
			return nil
		}
		if first == nil {
			first = no
		}
	}
	return first
}

// judge sorts an answer of the API server: nil, a conflict, a refusal, or trouble that
// may pass.
func judge(what string, err error) error {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &status):
		return fmt.Errorf("%s: %w", what, err)
	}
	switch s := status.Status(); {
	case s.Code == http.StatusConflict, s.Code == http.StatusNotFound:
		// What was observed is not there any more, or not so.
		return fmt.Errorf("%s: %w", what, ErrConflict)
	case s.Code == http.StatusUnprocessableEntity && (s.Details == nil || s.Details.Kind == ""):
		// A JSON patch whose `test` failed names no field of any kind.
		return fmt.Errorf("%s: %w", what, ErrConflict)
	case strings.Contains(s.Message, undeclared):
		// The server calls a field that is not there an error of its own (500).
		return &Refusal{What: what, Words: s.Message}
	case s.Code == http.StatusUnauthorized, s.Code == http.StatusTooManyRequests, s.Code >= 500:
		return fmt.Errorf("%s: %w", what, err)
	case s.Code >= 400:
		return &Refusal{What: what, Words: s.Message, Fix: missingRule(s.Message)}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// forbidden tells RBAC's no from that of an admission plugin, which is forbidden too:
// RBAC names the user and the verb.
func forbidden(words string) bool {
	return strings.Contains(words, "cannot ") && strings.Contains(words, "is forbidden: User ")
}

// lacked is what RBAC's words are about. A group is named even where it is the core one.
var lacked = regexp.MustCompile(`cannot (\w+) resource "([^"/]+)[^"]*" in API group "([^"]*)"`)

// missingRule is what an admin adds to the Role where RBAC said no (SPEC 6.10); empty for
// another's no, and for what no agent is given.
func missingRule(words string) string {
	m := lacked.FindStringSubmatch(words)
	if m == nil || !forbidden(words) {
		return ""
	}
	for _, right := range Rights {
		if right.Resource == m[2] && right.Group == m[3] && slices.Contains(right.Verbs, m[1]) {
			return fmt.Sprintf("add {apiGroups: [%q], resources: [%s], verbs: [%s]} to the rules of the agent's Role", right.Group, right.Resource, strings.Join(right.Verbs, ", "))
		}
	}
	return ""
}

func lacksRight(err error) bool { return forbidden(err.Error()) }
