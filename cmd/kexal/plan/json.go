package plan

import (
	"encoding/json"
	"io"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/strategies"
)

// document is a plan for programs. Its keys stay as they are.
type document struct {
	APIVersion string               `json:"apiVersion"`
	Kind       string               `json:"kind"`
	Metadata   metadata             `json:"metadata"`
	Outcome    Outcome              `json:"outcome"`
	Headline   string               `json:"headline"`
	Strategy   string               `json:"strategy"`
	Against    string               `json:"against"`
	Stable     *Revision            `json:"stable"`
	Candidate  *Revision            `json:"candidate"`
	Next       *Revision            `json:"next"`
	Replicas   int32                `json:"replicas"`
	Seconds    int                  `json:"seconds"` // until users are where Git wants them
	Peak       int                  `json:"peakPods"`
	Objects    []Change             `json:"objects"`
	Course     []step               `json:"course"`
	Warnings   []string             `json:"warnings"`
	Problems   []strategies.Problem `json:"problems"`
}

type metadata struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type step struct {
	Step    *strategies.Position `json:"step"` // null where it is none of rollout.yaml's
	After   int                  `json:"afterSeconds"`
	What    string               `json:"what"`
	Weight  int                  `json:"weight"`
	Pods    both                 `json:"pods"`
	Gate    course.Gate          `json:"gate"` // empty = none
	Wait    int                  `json:"waitSeconds,omitempty"`
	Who     string               `json:"who,omitempty"`
	Command string               `json:"command,omitempty"`
}

type both struct {
	Old course.Pods `json:"old"`
	New course.Pods `json:"new"`
}

// WriteJSON writes a plan for programs.
func (p Plan) WriteJSON(w io.Writer) error {
	doc := document{
		APIVersion: strategies.APIVersion, Kind: "Plan", Metadata: metadata{p.Rollout, p.Namespace},
		Outcome: p.Outcome, Headline: p.Headline, Strategy: p.Strategy, Against: p.Against,
		Stable: p.Stable, Candidate: p.Candidate, Replicas: p.Replicas, Seconds: seconds(p.Took), Peak: p.Peak,
		Objects: p.Changes, Course: []step{}, Warnings: p.notes(), Problems: p.Problems,
	}
	if p.Next.Revision != "" {
		doc.Next = &p.Next
	}
	for _, r := range p.Course {
		s := step{After: seconds(r.After), What: r.What, Weight: r.Weight, Pods: both{r.Old, r.New}, Gate: r.Gate, Wait: seconds(r.Wait), Who: r.Who, Command: r.Command}
		if r.Step > 0 {
			s.Step = &strategies.Position{Index: r.Step, Of: r.Of}
		}
		doc.Course = append(doc.Course, s)
	}
	// None is an empty list, not null.
	if doc.Objects == nil {
		doc.Objects = []Change{}
	}
	if doc.Warnings == nil {
		doc.Warnings = []string{}
	}
	if doc.Problems == nil {
		doc.Problems = []strategies.Problem{}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}
