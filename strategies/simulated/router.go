package simulated

import (
	"time"

	"github.com/kexal/kexal/strategies"
)

// A Router is what a Service's users come in by: it sends a share of them to the Service's
// preview, and the rest to the Service.
type Router struct {
	Written int  // percent that goes to the preview, as asked last
	Weight  int  // percent that does, some time later
	Refuses bool // the server refuses to write it
	due     time.Time
	zeroAt  time.Time // when the last user was sent to a preview; zero = never, or they are
	stamped
}

// route asks for a weight.
func (w *World) route(percent int) {
	w.Router.Written = percent
	w.Router.due = w.Now.Add(w.RouterLag)
}

// RouteByHand is what a hand writes into the router.
func (w *World) RouteByHand(percent int) { w.route(percent) }

// follow brings the weight that was asked for in force when it is due.
func (r *Router) follow(now time.Time) {
	if r == nil || r.due.IsZero() || now.Before(r.due) {
		return
	}
	switch {
	case r.Written > 0:
		r.zeroAt = time.Time{}
	case r.Weight > 0:
		r.zeroAt = now
	}
	r.Weight, r.due = r.Written, time.Time{}
}

// view is the router as an agent observes it.
func (r *Router) view() *strategies.Router {
	if r == nil {
		return nil
	}
	return &strategies.Router{Weight: r.Weight, Written: r.Written, Aborted: r.aborted, Epoch: r.epoch}
}

// RoutedTo tells since when the router leads nobody to the previews; routes = it does.
func (w *World) RoutedTo() (routes bool, since time.Time) {
	if w.Router == nil {
		return false, time.Time{}
	}
	return w.Router.Weight > 0 || w.Router.Written > 0, w.Router.zeroAt
}

// UsersOf are the shares that a Service's users get, whichever way they come in.
func (w *World) UsersOf(service string) Users {
	straight := usersOf(w.Services[service].Endpoints)
	preview := w.Previews[service+"-preview"]
	if w.Router == nil || w.Router.Weight == 0 || preview == nil {
		return straight
	}
	routed, part := usersOf(preview.Endpoints), w.Router.Weight
	all := Users{}
	for _, c := range []strategies.Color{strategies.Blue, strategies.Green} {
		if share := (straight[c]*(100-part) + routed[c]*part + 50) / 100; share > 0 {
			all[c] = share
		}
	}
	return all
}
