package strategies

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// The workloads of a rollout have one colour and move together (SPEC 5.1). Pods are counted for
// each by itself: a decision looks at one after the other, and what it says of d.n and d.slot is of
// the one that it looks at. Users are moved when all of them are ready for it.

// workloadNames are those that Git asks for, and those of every revision that is there. The first is
// one that moves from one revision to the next, with most pods: where there is one answer for all, it
// is that of the first.
func (d *decision) workloadNames() []string {
	pods, moves := map[string]int32{}, map[string]int{}
	add := func(t *Track) {
		if t != nil {
			for name := range t.Workloads {
				pods[name] = max(pods[name], d.was.Sizes[name].Pods)
				moves[name]++
			}
		}
	}
	add(d.was.Stable)
	add(d.was.Candidate)
	if w := d.was.Warm; w != nil {
		add(&w.Old)
	}
	if w := d.obs.Wanted; w != nil {
		add(&w.Track)
		maps.Copy(pods, w.Sizes)
	}
	if len(pods) == 0 {
		return []string{""}
	}
	return slices.SortedFunc(maps.Keys(pods), func(a, b string) int {
		return cmp.Or(cmp.Compare(moves[b], moves[a]), cmp.Compare(pods[b], pods[a]), strings.Compare(a, b))
	})
}

// look turns to a workload.
func (d *decision) look(workload string) {
	d.workload, d.had = workload, d.was.Sizes[workload].Pods
	d.n = d.had
	if w := d.obs.Wanted; w != nil && !d.keepsSizes {
		if n, asked := w.Sizes[workload]; asked {
			d.n = n
		}
	}
}

// each gives what is to be done for every workload, and whether it is over for all. Where one of
// them sends users back, or is held, nothing is done for any.
func (d *decision) each(do func() (acts []Action, over bool)) (acts []Action, over bool) {
	over = true
	at, forward, free := d.workload, d.next.Back == nil, d.next.Reason != Held
	for _, name := range d.workloads {
		d.look(name)
		its, itsOver := do()
		if forward && (d.next.Back != nil || free && d.next.Reason == Held) {
			acts, over = nil, false
			break
		}
		for _, a := range its {
			if !slices.Contains(acts, a) { // what is done for all of them is done once
				acts = append(acts, a)
			}
		}
		over = over && itsOver
	}
	d.look(at)
	return acts, over
}

// all is each, where nothing is waited for.
func (d *decision) all(do func() []Action) []Action {
	acts, _ := d.each(func() ([]Action, bool) { return do(), true })
	return acts
}

// some tells that it is so for a workload.
func (d *decision) some(is func() bool) bool {
	at := d.workload
	defer func() { d.look(at) }()
	return slices.ContainsFunc(d.workloads, func(name string) bool {
		d.look(name)
		return is()
	})
}

// every tells that it is so for all workloads.
func (d *decision) every(is func() bool) bool { return !d.some(func() bool { return !is() }) }

// has tells that a revision has the workload.
func (d *decision) has(t *Track) bool {
	if t == nil {
		return false
	}
	_, has := t.Workloads[d.workload]
	return has || d.workload == ""
}

// its are those of some Services that lead to the workload's pods.
func (d *decision) its(services []Service) []Service {
	if len(d.workloads) == 1 {
		return services
	}
	var found []Service
	for _, s := range services {
		if s.Workload == d.workload {
			found = append(found, s)
		}
	}
	return found
}

// trouble is what keeps pods of a revision from being ready, in Kubernetes' words: of the first
// workload that has any.
func (d *decision) trouble(t *Track) string {
	for _, name := range d.workloads {
		if words := d.obs.Workloads[name][t.Color].Trouble; words != "" {
			return words
		}
	}
	return ""
}

// slotsOf are those of a colour, of every workload.
func (d *decision) slotsOf(c Color) []Slot {
	var all []Slot
	for _, name := range d.workloads {
		all = append(all, d.obs.Workloads[name][c])
	}
	return all
}

// gone tells that a Deployment of a revision is not there.
func (d *decision) gone(t *Track) bool {
	return d.some(func() bool { return d.has(t) && !d.slot(t).Exists })
}

// behind is a count of the workload that a Service leads to.
func (d *decision) behind(s Service, count func() int32) (n int32) {
	if len(d.workloads) == 1 {
		return count()
	}
	d.some(func() bool {
		if d.workload == s.Workload {
			n = count()
		}
		return d.workload == s.Workload
	})
	return n
}

// answered tells that somebody is ready in every workload of a revision that has pods at all.
func (d *decision) answered(t *Track) bool {
	return d.every(func() bool { return d.slot(t).Ready > 0 || d.n == 0 || !d.has(t) })
}
