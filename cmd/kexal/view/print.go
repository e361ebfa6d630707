package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kexal/kexal/strategies"
	"sigs.k8s.io/yaml"
)

// Table writes one line for each rollout, and above them what is wrong beside them.
func (f Found) Table(w io.Writer) error {
	if err := f.Troubles(w); err != nil {
		return err
	}
	out := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(out, "NAME\tPHASE\tSTEP\tWEIGHT\tSTABLE\tCANDIDATE\tMESSAGE")
	for _, r := range f.Rollouts {
		weight := "-"
		if r.Candidate != nil {
			weight = fmt.Sprintf("%d%%", r.Weight)
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Metadata.Name, r.Phase, step(r.Step), weight, revision(r.Stable), revision(r.Candidate), r.Message)
	}
	return out.Flush()
}

func step(p *strategies.Position) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%d/%d", p.Index, p.Of)
}

func revision(t *strategies.TrackStatus) string {
	if t == nil {
		return "-"
	}
	return t.Revision
}

// Block writes all there is to say about the one rollout that was asked for, for people.
// What is wrong beside it comes first: below a stale answer it would be overlooked.
func (f Found) Block(w io.Writer) error {
	if err := f.Troubles(w); err != nil {
		return err
	}
	return f.Rollouts[0].block(w)
}

func (r Rollout) block(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	field := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	field("rollout", "%s/%s", r.Metadata.Namespace, r.Metadata.Name)
	field("phase", "%s (%s)", r.Phase, r.Reason)
	field("message", "%s", r.Message)
	if r.Step != nil {
		field("step", "%d of %d", r.Step.Index, r.Step.Of)
	}
	if r.Candidate != nil {
		field("weight", "%d%%", r.Weight)
	}
	field("since", "%s", r.Since.UTC().Format("2006-01-02 15:04:05Z"))
	if r.NextAt != nil {
		field("next", "%s", r.NextAt.UTC().Format("2006-01-02 15:04:05Z"))
	}
	field("source", "%s %.10s %s: %s", r.Source.Branch, r.Source.Commit, r.Source.Path, r.Source.Subject)
	for _, t := range []struct {
		role string
		its  *strategies.TrackStatus
	}{{"stable", r.Stable}, {"candidate", r.Candidate}} {
		if t.its != nil {
			field(t.role, "%s %s %s", t.its.Revision, t.its.Color, strings.Join(t.its.Images, ", "))
		}
	}
	for _, x := range r.Rejected {
		field("rejected", "%s %s", x.Revision, x.Reason)
	}
	for _, i := range r.Intents {
		field("intent", "%s", strings.Join(words(i.Field, i.Revision, string(i.State), i.Why), " "))
	}
	for _, p := range r.Problems {
		field("problem", "%s", p)
	}
	return out.Flush()
}

func words(all ...string) []string {
	var some []string
	for _, w := range all {
		if w != "" {
			some = append(some, w)
		}
	}
	return some
}

// WriteJSON writes exactly the bytes of status.json for one rollout, and a list for all.
// The list ends with what the agents say beside them: whoever asks for everything wants
// to know that it is stale, and the kind tells the items apart, as in any List.
func (f Found) WriteJSON(w io.Writer, single bool) error {
	doc, err := f.document(single)
	if err == nil {
		_, err = w.Write(doc)
	}
	return err
}

// WriteYAML writes the same document as YAML.
func (f Found) WriteYAML(w io.Writer, single bool) error {
	doc, err := f.document(single)
	if err != nil {
		return err
	}
	if doc, err = yaml.JSONToYAML(doc); err != nil {
		return err
	}
	_, err = w.Write(doc)
	return err
}

func (f Found) document(single bool) ([]byte, error) {
	if single {
		return f.Rollouts[0].JSON, nil
	}
	items := []json.RawMessage{} // none is an empty list, not null
	for _, r := range f.Rollouts {
		items = append(items, r.JSON)
	}
	for _, a := range f.Agents {
		items = append(items, a.JSON)
	}
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	return doc.Bytes(), err
}
