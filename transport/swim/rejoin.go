package swim

import (
	"context"
	"math/rand/v2"
	"time"
)

// rejoinSample is how many failed members are tried at a time. One that
// answers brings back all that it knows.
const rejoinSample = 3

// rejoinLoop heals what memberlist does not: it forgets a failed member after
// a while, and two halves that have forgotten each other never meet again.
func (s *Swim) rejoinLoop() {
	for {
		select {
		case <-time.After(jitter(s.cfg.Rejoin)):
			s.rejoin()
		case <-s.ctx.Done():
			return
		}
	}
}

// rejoin tries some of the failed members, and one seed that is not a member:
// when all have restarted during a partition nobody remembers the other half.
func (s *Swim) rejoin() {
	s.life.Lock()
	err := s.usable()
	s.life.Unlock()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.mlc.TCPTimeout)
	defer cancel()
	targets, alone := s.lost()
	if seed, ok := s.strangeSeed(ctx); ok {
		targets = append(targets, seed)
	}
	if len(targets) == 0 {
		return
	}
	joined, failed := s.joinAll(ctx, targets)
	switch {
	case s.ctx.Err() != nil:
	case joined > 0:
		s.rejoined.Add(1)
		s.log.Info("swim: rejoined", "answered", joined, "tried", len(targets))
	case alone:
		s.log.Warn("swim: no other member can be reached; will try again", "tried", len(targets), "error", failed[0])
	default:
		s.log.Debug("swim: failed members do not answer", "tried", len(targets), "error", failed[0])
	}
}

// lost gives a random sample of the members that failed, and whether no other
// member is live.
func (s *Swim) lost() (targets []target, alone bool) {
	alone = true
	for _, m := range s.dir.members() {
		if live, dead := s.dir.at(m.Addr); m.State == Dead && dead && !live {
			targets = append(targets, target{string(m.ID), m.Addr})
		}
		if m.State.Live() && m.ID != s.cfg.ID {
			alone = false
		}
	}
	rand.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	return targets[:min(len(targets), rejoinSample)], alone
}

// strangeSeed gives an address of a random seed at which no live member is.
func (s *Swim) strangeSeed(ctx context.Context) (target, bool) {
	if len(s.cfg.Seeds) == 0 {
		return target{}, false
	}
	seed := s.cfg.Seeds[rand.IntN(len(s.cfg.Seeds))]
	found, _ := s.resolve(ctx, []string{seed}) // a name that does not resolve now may do so later
	for _, t := range found {
		if live, _ := s.dir.at(t.addr); !live {
			return t, true
		}
	}
	return target{}, false
}
