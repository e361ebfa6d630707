package strategies

import "strconv"

// split divides n pods between candidate and stable for a weight in percent, as Argo
// Rollouts rounds a canary without a router: of the two nearest counts over n pods,
// and over n+1 where a pod may be added, the one whose share is nearest to the
// weight; on a tie the smaller total, then the larger candidate. A weight strictly
// between 0 and 100 gives each side a pod, but where there is only one pod and no
// surge: stable keeps it, where Argo Rollouts takes the nearest. (Source: argo-rollouts,
// utils/replicaset/canary.go, its documented rules.)
func split(n int32, weight int, surge bool) (candidate, stable int32) {
	switch {
	case n == 0 || weight <= 0:
		return 0, n
	case weight >= 100:
		return n, 0
	case n == 1 && !surge:
		return 0, 1 // its place is free only when nobody serves (SPEC 5.9)
	}
	totals := []int32{n}
	if surge {
		totals = append(totals, n+1)
	}
	best := int64(-1)
	for _, total := range totals {
		exact := int64(total) * int64(weight)
		up, down := int32((exact+99)/100), int32(exact/100)
		for _, c := range []int32{up, down} {
			if c == 0 || c == total {
				continue
			}
			// The distance between c/total and weight/100, over the common
			// denominator of both totals so that it stays a whole number.
			far := abs(int64(c)*100-exact) * int64(n) * int64(n+1) / int64(total)
			if best < 0 || far < best {
				best, candidate, stable = far, c, total-c
			}
		}
	}
	return candidate, stable
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

// share is the percentage that c of c+s is, rounded to the nearest.
func share(c, s int32) int {
	if c+s == 0 {
		return 0
	}
	return int((int64(c)*200 + int64(c+s)) / (2 * int64(c+s)))
}

func percent(w int) string { return strconv.Itoa(w) + "%" }
