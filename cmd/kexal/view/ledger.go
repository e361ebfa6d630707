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
		// A prefix may stand before NAMESPACE/, when several clusters write one ledger.
		parts := strings.Split(file, "/")
		last := len(parts) - 1
		var its, of string // the rollout and its namespace
		switch {
		case last >= 2 && parts[last] == "status.yaml":
			its, of = parts[last-1], parts[last-2]
		case last >= 1 && parts[last] == "agent.yaml":
			its, of = name, parts[last-1] // it says something about all of them
		default:
			continue
		}
		if name != "" && its != name || namespace != "" && of != namespace {
			continue
		}
		text, err := l.Read(ctx, file)
		if err != nil {
			return found, err
		}
		if err := found.addFile(parts[last], text); err != nil {
			return found, fmt.Errorf("%s:%s: %w", l.Ref, file, err)
		}
	}
	if name != "" {
		return one(found, name)
	}
	return found, nil
}

// addFile takes one of the two documents.
func (f *Found) addFile(base string, text []byte) error {
	if base == "agent.yaml" {
		a, err := agentFromYAML(text)
		f.Agents = append(f.Agents, a)
		return err
	}
	r, err := fromYAML(text)
	f.Rollouts = append(f.Rollouts, r)
	return err
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
