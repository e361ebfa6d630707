package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kexal/kexal/cmd/kexal/course"
	"github.com/kexal/kexal/reconciler/render"
	"github.com/kexal/kexal/strategies"
)

// autoscalers set the count of what they target.
var autoscalers = []string{"HorizontalPodAutoscaler", "ScaledObject", "VerticalPodAutoscaler"}

// warn says what people may not expect.
func (p *Plan) warn(f Facts, c course.Course) {
	if rollout, err := strategies.Decode(f.Next.Path, []byte(f.Next.File)); err == nil {
		for _, w := range rollout.Warnings {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s:%d:%d: %s", f.Next.Path, w.Line, w.Col, w.Message))
		}
	}
	if p.Outcome != FirstRelease && p.Outcome != Back { // there are no steps, and no weights
		p.Warnings = append(p.Warnings, c.Warnings...)
	}
	if p.Outcome != Nothing && p.Replicas == 1 && !strings.HasPrefix(strings.Join(c.Warnings, "\n"), "one pod") {
		p.Warnings = append(p.Warnings, "one pod: when it dies nobody serves until another is ready")
	}
	for _, o := range f.Next.Release.Others {
		if slices.Contains(autoscalers, o.GetKind()) {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s %s may set other counts than those here", o.GetKind(), o.GetName()))
		}
	}
	objects := slices.Concat(f.Next.Release.Others, f.Next.Release.Workloads)
	for _, image := range render.Foreign(objects, f.Next.Spec.Material.Images) {
		p.Warnings = append(p.Warnings, fmt.Sprintf("image %s comes from none of the registries of source.images: name its own there as well", image))
	}
	var wait []string
	for _, change := range p.Changes {
		if change.When == AtPromotion {
			wait = append(wait, change.Kind+" "+change.Name)
		}
	}
	if len(wait) > 0 {
		p.Warnings = append(p.Warnings, "changes with the promotion, not before: "+strings.Join(wait, ", "))
	}
	if p.Peak > c.Rest {
		for _, lacks := range f.Quotas {
			if short := lacks(f.Next.Release, int32(p.Peak-c.Rest)); short != "" {
				p.Warnings = append(p.Warnings, short)
			}
		}
	}
	if len(c.Moments) > 0 {
		last := c.Last()
		if last.Phase != strategies.Healthy && p.Outcome != Stays && last.Reason != strategies.PausedByIntent {
			p.Warnings = append(p.Warnings, "it stays there: "+sentence(last))
		}
	}
}
