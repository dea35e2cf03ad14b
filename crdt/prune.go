package crdt

import "slices"

// Forgetting actors that are gone. A context keeps an interval for each actor
// that ever wrote to the value, and a node has a new actor in each of its lives.
// Letting go of one is no join, so it takes a protocol among the replicas:
//
//  1. The actor has ended: it never mints again.
//  2. Every replica reports [Causal.Departed]. Only if all say ok, and all have
//     seen the same, the actor's part of the value is settled.
//  3. Every replica calls [Causal.Prune].
//
// It is safe only if no delta, state, hint or backup made before step 2 is
// joined after step 3. What is older could carry a dot of the actor that was
// removed since, and a pruned replica would take it for new: the removed comes
// back. A store's collection frontier gives that guarantee; a type cannot. A
// replica that prunes later than the others does no harm: its join brings the
// interval back, to be pruned again.
//
// Live dots of an actor that is gone stay until something replaces them; adding
// the element again under a living actor does. The sums of a [Counter] and the
// entries of a [GrowCounter] or [BoundedCounter] cannot be moved to another
// actor: two replicas that do it at once would count them twice, and nothing in
// the state could tell. For these there is no safe protocol without consensus.

// Departed returns what was seen of the actor, and whether it can go: whether
// none of it is live. In a [List] it has to stay, too, while a deleted element of
// the actor's keeps its place, or an element is there that was inserted next to
// one of the actor's that a concurrent reset took.
func (c *causal) Departed(a Actor) (seen Context, ok bool) {
	s := c.whole().at(a)
	if s == nil {
		return seen, true
	}
	seen.claims = []claim{{a, slices.Clone(s.seen)}}
	return seen, c.canGo(s)
}

func (c *causal) canGo(s *site) bool {
	return s.live.n == 0 && (c.rules == nil || !c.rules.needs(s.actor))
}

// Prune forgets what was seen of the actor, if it can go, and reports whether it
// did. See the protocol above Departed: called outside of it, removed
// data can come back.
func (c *causal) Prune(a Actor) bool {
	i := slices.IndexFunc(c.sites, func(s *site) bool { return s.actor == a })
	if c.owner != nil || i < 0 || !c.canGo(c.sites[i]) {
		return false
	}
	for _, e := range c.sites[i].seen {
		c.digest.seen(false, a, e)
	}
	c.sites = slices.Delete(c.sites, i, i+1)
	return true
}
