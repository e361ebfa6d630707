package view

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// A plan reads the one ConfigMap, and goes without quotas where it may not see them.
func TestTheStateIsOneConfigMap(t *testing.T) {
	s := serve(t, map[string]map[string]string{
		"kexal-web":   {"status.json": web, "state.json": `{"schema":1,"epoch":7,"step":2,"stable":{"revision":"3f2a9c1b04","color":"green"}}`},
		"kexal-held":  {"status.json": web},
		"kexal-newer": {"state.json": `{"schema":99}`},
	})
	c, err := s.access.Open()
	if err != nil {
		t.Fatal(err)
	}
	state, err := c.State(t.Context(), "web", noon)
	if err != nil || state.Epoch != 7 || state.Step != 2 || state.Stable.Revision != "3f2a9c1b04" || state.Where != "cluster, namespace shop of context dev, read at 2026-11-21T12:00:00Z" {
		t.Errorf("got %+v, %v", state, err)
	}
	if quotas := c.Quotas(t.Context()); quotas != nil {
		t.Errorf("got quotas %v where they are forbidden", quotas)
	}
	if want := []string{"GET /api/v1/namespaces/shop/configmaps/kexal-web", "GET /api/v1/namespaces/shop/resourcequotas"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked for %v", s.asked)
	}
	for _, name := range []string{"absent", "held"} { // one that is only told to be held has no state
		var absent *NotFoundError
		if _, err := c.State(t.Context(), name, noon); !errors.As(err, &absent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.State(t.Context(), "newer", noon); err == nil || !strings.Contains(err.Error(), "newer version of kexal") {
		t.Errorf("a newer state: %v", err)
	}
}
