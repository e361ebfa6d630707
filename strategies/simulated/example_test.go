package simulated_test

import (
	"fmt"
	"time"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

const canary = `apiVersion: kexal.dev/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  strategy:
    canary:
      steps:
      - setWeight: 25
      - pause: {duration: 5m}
`

func release(revision string) strategies.Wanted {
	return strategies.Wanted{Sizes: map[string]int32{"web": 4}, Track: strategies.Track{
		Revision: revision, Workloads: map[string]strategies.Workload{"web": {}}, Images: []string{"web:" + revision},
		Selectors: map[string]map[string]string{"web": {"app": "web"}},
	}}
}

// A canary, from the push to the end, with the time that each moment came.
func Example() {
	start := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	play := simulated.New(start)
	if err := play.Git.Write(canary); err != nil {
		fmt.Println(err)
		return
	}
	play.Git.Push(release("a1a1a1a1a1"))
	if err := play.Run(); err != nil {
		fmt.Println(err)
		return
	}
	pushed := play.World.Now
	play.Tell = func(e simulated.Event) {
		switch {
		case e.Kind == simulated.Recorded && !e.Again:
			fmt.Printf("%-7s %s: %s\n", e.At.Sub(pushed).Round(100*time.Millisecond), e.State.Phase, e.State.Message)
		case e.Kind == simulated.Moved:
			fmt.Printf("%-7s users: %s\n", e.At.Sub(pushed).Round(100*time.Millisecond), e.Users["web"])
		}
	}
	play.Git.Push(release("b2b2b2b2b2"))
	if err := play.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 0s      Progressing: step 1 of 2, 0% to b2b2b2b2b2, moving to 25%
	// 1.3s    users: 80% blue, 20% green
	// 1.5s    users: 75% blue, 25% green
	// 1.5s    Paused: step 2 of 2, 25% to b2b2b2b2b2, paused until 10:05:02Z
	// 5m1.5s  Progressing: step 2 of 2, 25% to b2b2b2b2b2, promoting
	// 5m2.7s  users: 60% blue, 40% green
	// 5m2.9s  users: 50% blue, 50% green
	// 5m3.9s  users: 40% blue, 60% green
	// 5m4.1s  users: 25% blue, 75% green
	// 5m5.1s  users: 20% blue, 80% green
	// 5m5.3s  users: 100% green
	// 5m5.3s  Progressing: b2b2b2b2b2 is stable, watched until 10:05:36Z; switched, draining: a1a1a1a1a1 stays warm until 10:05:36Z
	// 5m37.3s Healthy: b2b2b2b2b2 is stable
}
