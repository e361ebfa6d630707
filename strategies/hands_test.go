package strategies_test

import (
	"fmt"
	"strconv"

	"github.com/kexal/kexal/strategies"
	"github.com/kexal/kexal/strategies/simulated"
)

// teach sets how a colour's pods behave from now on; what is not named stays as it was.
func (p *story) teach(c strategies.Color, args words) (err error) {
	m := p.play.World.Manners[c]
	m.Some, _ = strconv.Atoi(args.value("n"))
	for _, a := range args {
		switch a.Key {
		case "ready", "unready":
			m.Unready, m.Trouble = a.Key == "unready", ""
		case "crash":
			m.Unready, m.Trouble = true, crashing
		case "slow":
			m.Starts, err = args.duration("slow")
		case "lingers":
			m.Lingers, err = args.duration("lingers")
		case "settles":
			m.Settles, err = args.duration("settles")
		case "n":
		default:
			err = fmt.Errorf("pods %s?", a.Key)
		}
		if err != nil {
			return err
		}
	}
	p.play.World.Teach(c, m)
	return nil
}

// disturb takes the readiness of one pod for a while.
func (p *story) disturb(c strategies.Color, args words) error {
	d, err := args.duration("for")
	trouble := ""
	if args.has("crash") {
		trouble = crashing
	}
	if err == nil && !p.play.World.Disturb(p.workload(args), c, trouble, d) {
		err = fmt.Errorf("no pod of %s is ready", c)
	}
	return err
}

// crashing is what Kubernetes says of a container that does not stay up.
const crashing = "container web exits with code 1 and is restarted (CrashLoopBackOff)"

// verdict sets what an analysis or an experiment comes to, wherever it stands.
func (p *story) verdict(args words) error {
	phases := map[string]strategies.RunPhase{
		"running": strategies.Running, "successful": strategies.Successful, "failed": strategies.Failing,
		"inconclusive": strategies.Inconclusive, "error": strategies.Erroneous,
	}
	v := simulated.Verdict{Why: args.value("why")}
	for _, a := range args[1:] {
		if phase, known := phases[a.Key]; known {
			v.Phase = phase
		}
	}
	if v.Phase == "" {
		return fmt.Errorf("analysis %s comes to what?", args.bare())
	}
	var err error
	v.After, err = args.duration("after")
	if p.play.Verdicts == nil {
		p.play.Verdicts = map[string]simulated.Verdict{}
	}
	p.play.Verdicts[args.bare()] = v
	return err
}

// edit is what hands do in the namespace.
func (p *story) edit(args words) error {
	w := p.play.World
	switch {
	case args.has("service"):
		s := w.Services[args.value("service")]
		if s == nil {
			return fmt.Errorf("no such Service")
		}
		switch {
		case args.has("overlaps"):
			s.Overlaps = true
			return nil
		case args.has("gone"):
			delete(w.Services, args.value("service"))
			return nil
		case args.has("refuses"), args.has("accepts"):
			s.Refuses, s.RefusesLate = args.has("refuses"), args.has("late")
			return nil
		}
		switch to := strategies.Selection(args.value("selects")); to {
		case strategies.BothColors, strategies.Something:
			s.Selects, s.Revision = to, ""
		default:
			s.Selects, s.Revision = to, ""
			if d := w.Slots["web"][strategies.Color(to)]; d != nil {
				s.Revision = d.Revision
			}
		}
	case args.has("router"):
		if w.Router == nil {
			return fmt.Errorf("no router")
		}
		if args.has("refuses") || args.has("accepts") {
			w.Router.Refuses = args.has("refuses")
			return nil
		}
		n, err := strconv.Atoi(args.value("weight"))
		if err != nil {
			return err
		}
		w.RouteByHand(n)
	case args.has("preview"):
		delete(w.Previews, args.value("preview"))
	case args.has("deployment"):
		c := strategies.Color(args.value("deployment"))
		d := w.Slots[p.workload(args)][c]
		if d == nil {
			return fmt.Errorf("no Deployment in %s", c)
		}
		switch {
		case args.has("template"):
			d.Edited = true
			return nil
		case args.has("rolls"):
			n, err := strconv.Atoi(args.value("rolls"))
			d.Edited, d.Paused = true, false
			w.Roll(c, n)
			return err
		case args.has("deleted"):
			w.Slots[p.workload(args)][c] = nil
		case args.has("unpaused"):
			d.Paused = false
		case args.has("stuck"):
			d.Stuck = true
		case args.has("unstuck"):
			if d.Stuck = false; d.Deleting {
				w.Slots[p.workload(args)][c] = nil
			}
		default:
			n, err := strconv.Atoi(args.value("replicas"))
			if err != nil {
				return err
			}
			w.Resize(p.workload(args), c, int32(n))
		}
	case args.value("stranger") == "none":
		w.Strangers = nil
	case args.has("stranger"):
		w.Strangers = append(w.Strangers, args.value("stranger"))
	default:
		return fmt.Errorf("edit what?")
	}
	return nil
}

// workload is the one that a directive names, or web.
func (p *story) workload(args words) string {
	if name := args.value("of"); name != "" {
		return name
	}
	return "web"
}
