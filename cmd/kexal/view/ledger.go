package view

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kexal/kexal/cmd/kexal/clone"
)

// Ledger reads the status documents of a clone: one rollout's, or all when name is
// empty, of one namespace, or of all when that is empty.
func Ledger(ctx context.Context, l *clone.Ledger, namespace, name string, now time.Time) (Found, error) {
	found := Found{Where: fmt.Sprintf("ledger %s at %.10s, written %s ago", l.Ref, l.Commit, ago(now.Sub(l.At)))}
	for _, file := range l.Files {
		// A prefix may stand before NAMESPACE/NAME/status.yaml, when several clusters write one ledger.
		parts := strings.Split(file, "/")
		if len(parts) < 3 || parts[len(parts)-1] != "status.yaml" {
			continue
		}
		if its := parts[len(parts)-2]; name != "" && its != name {
			continue
		}
		if its := parts[len(parts)-3]; namespace != "" && its != namespace {
			continue
		}
		text, err := l.Read(ctx, file)
		if err != nil {
			return found, err
		}
		r, err := fromYAML(text)
		if err != nil {
			return found, fmt.Errorf("%s:%s: %w", l.Ref, file, err)
		}
		found.Rollouts = append(found.Rollouts, r)
	}
	if name != "" {
		return one(found, name)
	}
	return found, nil
}

// ago says a duration as people do, in its largest unit.
func ago(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}}
	for _, u := range units {
		if d >= u.size {
			return fmt.Sprintf("%d %s", d/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d s", max(d, 0)/time.Second)
}
