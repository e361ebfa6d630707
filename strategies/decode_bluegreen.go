package strategies

import (
	"time"

	"go.yaml.in/yaml/v4"
)

func (d *decoder) blueGreen(n *yaml.Node) *BlueGreen {
	b := &BlueGreen{
		AutoPromotion:  true,
		MaxUnavailable: Amount{Value: 25, Percent: true},
		ScaleDownDelay: 30 * time.Second,
		AbortDelay:     30 * time.Second,
	}
	const at = "strategy.blueGreen"
	var after *yaml.Node
	d.mapping(n, "blueGreen", at, fields{
		"activeService":        func(n *yaml.Node) { d.active = n },
		"previewService":       d.text(&b.PreviewService),
		"previewReplicaCount":  d.count(&b.PreviewReplicas, "previewReplicaCount", 0),
		"autoPromotionEnabled": d.boolean(&b.AutoPromotion),
		"autoPromotionSeconds": func(n *yaml.Node) {
			after = n
			d.seconds(&b.PromoteAfter, 0)(n)
		},
		"maxUnavailable":             d.amount(&b.MaxUnavailable),
		"scaleDownDelaySeconds":      d.seconds(&b.ScaleDownDelay, 0),
		"abortScaleDownDelaySeconds": d.seconds(&b.AbortDelay, 0),
		"prePromotionAnalysis":       d.analysis(&b.PrePromotion, at+".prePromotionAnalysis"),
		"postPromotionAnalysis":      d.analysis(&b.PostPromotion, at+".postPromotionAnalysis"),
	})
	if after != nil && !b.AutoPromotion {
		d.warn(after, "autoPromotionSeconds means nothing beside autoPromotionEnabled: false: a person promotes")
	}
	return b
}
