package gossip

import "github.com/grapevine-go/grapevine/rumor"

// followTarget tells whether the target of spreading is met, if that has
// changed, and returns what limits it now.
func (n *Node) followTarget(before rumor.Limit) rumor.Limit {
	limit := n.replica.TargetLimit()
	if limit == before {
		return before
	}
	if plan := n.replica.SpreadStats().Plan; limit == rumor.NoLimit {
		n.log.Info("gossip: the target of spreading is met again", "copies", plan.K, "expected", plan.Expect)
	} else {
		n.log.Warn("gossip: the target of spreading cannot be met", "limit", limit.String(), "copies", plan.K, "loss", plan.Loss, "expected", plan.Expect)
	}
	select {
	case n.limits <- struct{}{}:
	default:
	}
	return limit
}

// targetLoop calls the hook.
func (n *Node) targetLoop() {
	told := rumor.NoLimit
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-n.limits:
		}
		if plan := n.replica.SpreadStats().Plan; plan.Limit != told {
			told = plan.Limit
			n.callHook("Target", func() { n.cfg.Hooks.Target(plan) })
		}
	}
}
