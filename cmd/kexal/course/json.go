package course

import (
	"encoding/json"
	"io"
	"time"

	"github.com/kexal/kexal/strategies"
)

// document is a course for machines. Its keys stay.
type document struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Rollout    string            `json:"rollout"`
	Strategy   string            `json:"strategy"`
	Steps      int               `json:"steps"`
	Replicas   int32             `json:"replicas"`
	Old        string            `json:"old,omitempty"`
	New        string            `json:"new"`
	Pushed     time.Time         `json:"pushed"`
	Seconds    float64           `json:"seconds"` // from the push to the last moment
	Phase      strategies.Phase  `json:"phase"`   // at the last moment
	Reason     strategies.Reason `json:"reason"`
	Pods       podsDocument      `json:"pods"`
	Moments    []momentDocument  `json:"moments"`
	Assumed    []string          `json:"assumed"`
	Warnings   []string          `json:"warnings"`
}

type podsDocument struct {
	Rest int `json:"rest"`
	Peak int `json:"peak"`
}

type momentDocument struct {
	Seconds float64              `json:"seconds"` // since the push
	At      time.Time            `json:"at"`
	Kind    Kind                 `json:"kind"`
	What    string               `json:"what"`
	Phase   strategies.Phase     `json:"phase"`
	Reason  strategies.Reason    `json:"reason"`
	Step    *strategies.Position `json:"step,omitempty"`
	Weight  weightDocument       `json:"weight"`
	Old     Pods                 `json:"old"`
	New     Pods                 `json:"new"`
	Gate    *gateDocument        `json:"gate,omitempty"`
	Until   *time.Time           `json:"until,omitempty"`
}

type weightDocument struct {
	Asked int `json:"asked"`
	Live  int `json:"live"`
}

type gateDocument struct {
	For     Gate   `json:"for"`
	Who     string `json:"who,omitempty"`
	Command string `json:"command,omitempty"`
}

// WriteJSON writes one document.
func (c Course) WriteJSON(w io.Writer) error {
	d := document{
		APIVersion: strategies.APIVersion, Kind: "RolloutCourse",
		Rollout: c.Name, Strategy: c.Strategy, Steps: c.Steps, Replicas: c.Replicas, Old: c.Old, New: c.New,
		Pushed: c.Pushed, Seconds: seconds(c.Took), Phase: c.Last().Phase, Reason: c.Last().Reason,
		Pods: podsDocument{c.Rest, c.Peak}, Moments: []momentDocument{}, Assumed: c.Assumed, Warnings: c.Warnings,
	}
	if d.Warnings == nil {
		d.Warnings = []string{}
	}
	for _, m := range c.Moments {
		md := momentDocument{
			Seconds: seconds(m.After), At: m.At, Kind: m.Kind, What: m.What, Phase: m.Phase, Reason: m.Reason, Step: m.Step,
			Weight: weightDocument{m.Asked, m.Live}, Old: m.Old, New: m.New, Until: m.Until,
		}
		if m.Gate != NoGate {
			md.Gate = &gateDocument{m.Gate, m.Who, m.Command}
		}
		d.Moments = append(d.Moments, md)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// seconds to the millisecond.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
