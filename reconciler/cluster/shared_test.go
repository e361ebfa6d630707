package cluster

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kexal/kexal/reconciler/release"
	"github.com/kexal/kexal/strategies"
)

// applied is the live Service web as an apply of ours left it, said again by Git otherwise.
func applied(t *testing.T, owned string) *unstructured.Unstructured {
	t.Helper()
	live := service(pinned("blue", "aaaaaaaaaa"), map[string]string{release.NoteDigest: "another", release.NoteEpoch: "6", release.NoteStep: "1", "team": "shop"})
	live.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: managerGit, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: &metav1.FieldsV1{Raw: []byte(owned)}}})
	return live
}

// What Git sets is applied without what the rollout moves, but for the fields that our own apply
// entry still owns: those go with their live values, or the server would reset them, and users
// with a selector (SPEC 6.1, K1).
func TestApplyCarriesWhatItOwns(t *testing.T) {
	for _, c := range []struct{ name, owned, want string }{
		{"all of it, as the Service was made", `{"f:metadata":{"f:annotations":{"f:kexal.dev/epoch":{},"f:kexal.dev/step":{}}},"f:spec":{"f:selector":{}}}`,
			`{"annotations":{"kexal.dev/digest":"DIGEST","kexal.dev/epoch":"6","kexal.dev/step":"1"},"selector":{"app":"web","kexal.dev/color":"blue","kexal.dev/revision":"aaaaaaaaaa"}}`},
		{"nothing, as a switch took it over", `{"f:spec":{"f:ports":{}}}`, `{"annotations":{"kexal.dev/digest":"DIGEST"},"selector":null}`},
	} {
		w := newWire(t)
		live, r := applied(t, c.owned), released(t, false)
		w.shows(t, live)
		subject := inFlight()
		subject.Release = r
		s := w.Observe(noon, subject)
		if err := w.Act(t.Context(), s, subject.State, strategies.Apply{All: true, Pin: strategies.OnlyBlue, Stamp: stamp}); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		i := slices.IndexFunc(w.asks, func(ask string) bool { return strings.HasPrefix(ask, "patch shop/services web by kexal, ") })
		if i < 0 {
			t.Fatalf("%s: it asks for %q", c.name, w.asks)
		}
		sent := &unstructured.Unstructured{Object: body(t, w.asks[i]).(map[string]any)}
		selector, _, _ := unstructured.NestedMap(sent.Object, "spec", "selector")
		got, _ := json.Marshal(map[string]any{"annotations": sent.GetAnnotations(), "selector": selector})
		want := strings.ReplaceAll(c.want, "DIGEST", digestOf(r.Shared(r.Services[0])))
		if string(got) != want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
		if sent.GetUID() != "uid-web" || sent.GetResourceVersion() != "41" {
			t.Errorf("%s: it is fenced by %s", c.name, w.asks[i])
		}
	}
}

// What says already what Git says is not written (SPEC 6.7), and what is being deleted neither:
// it has to go first (SPEC 6.8, K27). What somebody else made since under its name is left alone (5.8).
func TestApplyShared(t *testing.T) {
	r := released(t, false)
	for _, c := range []struct {
		name    string
		change  func(web, notes *unstructured.Unstructured)
		writes  []string
		refused bool
	}{
		{"all is there", func(web, notes *unstructured.Unstructured) {}, nil, false},
		{"the Service differs", func(web, notes *unstructured.Unstructured) {
			annotate(web, map[string]string{release.NoteDigest: "another"})
		}, []string{"services web"}, false},
		{"the ConfigMap differs", func(web, notes *unstructured.Unstructured) {
			annotate(notes, map[string]string{release.NoteDigest: "another"})
		}, []string{"configmaps notes"}, false},
		{"the ConfigMap differs and is being deleted", func(web, notes *unstructured.Unstructured) {
			annotate(notes, map[string]string{release.NoteDigest: "another"})
			notes.SetDeletionTimestamp(&metav1.Time{Time: noon})
		}, nil, true},
		{"the Service differs and is being deleted", func(web, notes *unstructured.Unstructured) {
			annotate(web, map[string]string{release.NoteDigest: "another"})
			web.SetDeletionTimestamp(&metav1.Time{Time: noon})
		}, nil, true},
		{"the ConfigMap is somebody else's since", func(web, notes *unstructured.Unstructured) {
			notes.SetLabels(nil)
			notes.SetAnnotations(nil)
		}, nil, true},
		{"the Service is somebody else's since", func(web, notes *unstructured.Unstructured) {
			web.SetLabels(map[string]string{release.LabelRollout: "api"})
			web.SetAnnotations(nil)
		}, nil, true},
	} {
		w := newWire(t)
		web, notes := service(pinned("blue", "aaaaaaaaaa"), nil), named("v1", "ConfigMap", "notes", "web")
		annotate(web, map[string]string{release.NoteDigest: digestOf(r.Shared(r.Services[0]))})
		annotate(notes, map[string]string{release.NoteDigest: digestOf(r.Shared(r.Others[0]))})
		c.change(web, notes)
		w.shows(t, web, notes)
		subject := inFlight()
		subject.Release = r
		s := w.Observe(noon, subject)
		err := w.Act(t.Context(), s, subject.State, strategies.Apply{All: true, Pin: strategies.OnlyBlue, Stamp: stamp})
		var writes []string
		for _, ask := range w.asks {
			writes = append(writes, strings.TrimPrefix(ask[:strings.Index(ask, " by ")], "patch shop/"))
		}
		if !slices.Equal(writes, c.writes) || errors.Is(err, ErrConflict) != c.refused || (err != nil) != c.refused {
			t.Errorf("%s: it writes %q (%v), want %q", c.name, writes, err, c.writes)
		}
	}
}

// A Service is made with the selector of one colour from its first moment; where no track has
// the colour it is not made yet (SPEC 5.8, 6.1).
func TestServiceIsMadePinned(t *testing.T) {
	subject := inFlight()
	subject.Release = released(t, false)
	for pin, want := range map[strategies.Selection]string{
		strategies.OnlyBlue:  `{"app":"web","kexal.dev/color":"blue","kexal.dev/revision":"aaaaaaaaaa"}`,
		strategies.Something: "",
	} {
		w := newWire(t)
		s := w.Observe(noon, subject)
		err := w.Act(t.Context(), s, subject.State, strategies.Apply{Services: true, Pin: pin, Stamp: stamp})
		if want == "" {
			if len(w.asks) != 0 || !errors.Is(err, ErrConflict) {
				t.Errorf("with no colour to pin it to it asks for %q (%v)", w.asks, err)
			}
			continue
		}
		if err != nil || len(w.asks) != 2 {
			t.Fatalf("it asks for %q (%v)", w.asks, err)
		}
		selector, _, _ := unstructured.NestedMap(body(t, w.asks[0]).(map[string]any), "spec", "selector")
		if got, _ := json.Marshal(selector); string(got) != want {
			t.Errorf("it is made with %s, want %s", got, want)
		}
	}
}

// What the colours share is made, and belongs to who applies it at once: what Git sets no more is
// then taken out by the first dry-run, for which nothing is written (SPEC 6.1, 6.7).
func TestSharedIsGivenAway(t *testing.T) {
	subject := inFlight()
	subject.Release = released(t, false)
	w := newWire(t)
	if err := w.Act(t.Context(), w.Observe(noon, subject), subject.State, strategies.Apply{All: true, Pin: strategies.OnlyBlue, Stamp: stamp}); err != nil {
		t.Fatal(err)
	}
	var made, given []string
	for _, ask := range w.asks {
		switch line, text, _ := strings.Cut(ask, "\n"); {
		case strings.HasPrefix(line, "create "):
			made = append(made, line)
		case strings.Contains(text, `"manager":"kexal","operation":"Apply"`) && !strings.Contains(text, "kexal-new"):
			given = append(given, line)
		}
	}
	if len(made) != 2 || len(given) != 2 {
		t.Errorf("it makes %q and gives away %q", made, given)
	}
}

// A Service that a hand took the selector from is marked, and no empty one is written: it would
// select every pod of the namespace in some versions, and nobody in others (SPEC 5.8, K28).
func TestMarkWithoutASelector(t *testing.T) {
	w := newWire(t)
	w.shows(t, service(nil, map[string]string{release.NoteEpoch: "6"}))
	s := w.Observe(noon, inFlight())
	if err := w.Act(t.Context(), s, inFlight().State, strategies.Mark{Stamp: stamp}); err != nil || len(w.asks) != 1 {
		t.Fatalf("it asks for %q (%v)", w.asks, err)
	}
	if strings.Contains(w.asks[0], "selector") {
		t.Errorf("it asks %s", w.asks[0])
	}
}

// A Deployment is made with no pods, and by a create: should another agent have made it
// meanwhile, the server says so (SPEC 6.1, 6.3).
func TestCreate(t *testing.T) {
	w := newWire(t)
	subject := inFlight()
	subject.Release = released(t, false)
	if err := w.Act(t.Context(), w.Observe(noon, subject), subject.State, strategies.Create{Workload: "web", Color: strategies.Green, Stamp: stamp}); err != nil {
		t.Fatal(err)
	}
	if len(w.asks) != 1 || !strings.HasPrefix(w.asks[0], "create shop/deployments by kexal-new\n") || !strings.Contains(w.asks[0], `"replicas":0`) {
		t.Errorf("it asks for %q", w.asks)
	}
}
