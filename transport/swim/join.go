package swim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrRefused is wrapped when a seed answered, but not as a member of this
// cluster would: it has another cluster name or another key, or one side has a
// key and the other none. Nothing changed on either side.
var ErrRefused = errors.New("refused: likely another cluster name or key")

const (
	joinParallel = 8 // seeds tried at once
	joinEnough   = 3 // seeds that answered; the rest is learned from them
)

// SeedError says why a seed could not be joined.
type SeedError struct {
	Seed string         // as it was given
	Addr netip.AddrPort // what it resolved to; invalid if it did not
	Err  error
}

// Error names the seed, its address if that is something else, and the reason.
func (e *SeedError) Error() string {
	if e.Addr.IsValid() && e.Addr.String() != e.Seed {
		return fmt.Sprintf("swim: join %s (%v): %v", e.Seed, e.Addr, e.Err)
	}
	return fmt.Sprintf("swim: join %s: %v", e.Seed, e.Err)
}

// Unwrap gives the reason.
func (e *SeedError) Unwrap() error { return e.Err }

// target is a seed with one of its addresses.
type target struct {
	seed string
	addr netip.AddrPort
}

// Join contacts the seeds ("host:port" or "host"; none given: Config.Seeds),
// several at once in random order, names resolved anew, until three have
// answered, and returns how many did. Addresses of this node itself are passed
// over; if there are no others, the result is 0 without error.
//
// The error is nil if one answered. Otherwise it joins one *[SeedError] for
// each seed; they wrap [ErrRefused] where a node of another cluster or key
// answered, and ctx's error where that ended first. It is ErrClosed or ErrLeft
// when the node takes no part any more.
func (s *Swim) Join(ctx context.Context, seeds ...string) (int, error) {
	if len(seeds) == 0 {
		seeds = s.cfg.Seeds
	}
	s.life.Lock()
	err := s.usable()
	s.life.Unlock()
	if err != nil {
		return 0, err
	}
	targets, failed := s.resolve(ctx, seeds)
	joined, errs := s.joinAll(ctx, targets)
	if failed = append(failed, errs...); joined > 0 || len(failed) == 0 {
		for _, err := range failed {
			s.log.Info("swim: a seed did not answer", "error", err)
		}
		return joined, nil
	}
	return 0, errors.Join(failed...)
}

// resolve looks the seeds up, several at once, and shuffles what it finds.
func (s *Swim) resolve(ctx context.Context, seeds []string) ([]target, []error) {
	var mu sync.Mutex
	var targets []target
	var failed []error
	var g errgroup.Group
	g.SetLimit(joinParallel)
	for _, seed := range seeds {
		g.Go(func() error {
			found, err := s.resolveSeed(ctx, seed)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, &SeedError{Seed: seed, Err: err})
			}
			targets = append(targets, found...)
			return nil
		})
	}
	_ = g.Wait()
	rand.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	return targets, failed
}

// resolveSeed gives the addresses of a seed, this node's own left out.
func (s *Swim) resolveSeed(ctx context.Context, seed string) ([]target, error) {
	host, port, err := splitSeed(seed)
	if err != nil {
		return nil, err
	}
	addrs, err := lookup(ctx, host)
	if err == nil && len(addrs) == 0 {
		err = errors.New("the name has no address")
	}
	var targets []target
	for _, a := range addrs {
		if addr := netip.AddrPortFrom(a, port); !s.isSelf(addr) {
			targets = append(targets, target{seed, addr})
		}
	}
	return targets, err
}

// isSelf reports whether an address leads to this node.
func (s *Swim) isSelf(a netip.AddrPort) bool {
	bound := s.tr.listenAddr()
	if a == s.tr.advertise || a == bound {
		return true
	}
	if a.Port() != bound.Port() || !bound.Addr().IsUnspecified() {
		return false
	}
	own, _ := interfaceAddresses()
	return a.Addr().IsLoopback() || slices.Contains(own, a.Addr())
}

// joinAll contacts the targets, several at once, until enough answered.
func (s *Swim) joinAll(ctx context.Context, targets []target) (joined int, failed []error) {
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(joinParallel)
	for _, t := range targets {
		g.Go(func() error {
			mu.Lock()
			enough := joined >= joinEnough
			mu.Unlock()
			if enough {
				return nil
			}
			err := s.joinAddr(ctx, t.addr)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, &SeedError{Seed: t.seed, Addr: t.addr, Err: err})
			} else {
				joined++
			}
			return nil
		})
	}
	_ = g.Wait()
	return joined, failed
}

// joinPauses: two nodes that believe each other dead do not revive each other
// in one exchange. Each sees that the other is wrong about it and refutes with
// a higher incarnation, but tells that only to those it believes alive; another
// exchange carries it over, once the refutations are made.
var joinPauses = []time.Duration{20 * time.Millisecond, 80 * time.Millisecond, 320 * time.Millisecond}

// joinAddr exchanges state with one node, so that each learns what the other
// knows.
func (s *Swim) joinAddr(ctx context.Context, addr netip.AddrPort) error {
	if err := s.exchange(ctx, addr); err != nil {
		return err
	}
	for _, pause := range joinPauses {
		if live, dead := s.dir.at(addr); live || !dead {
			break
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ctx.Done():
			return ErrClosed
		}
		if err := s.exchange(ctx, addr); err != nil {
			return err
		}
	}
	return nil
}

// exchange runs memberlist's Join for one address, and ends it with ctx or
// with Close.
func (s *Swim) exchange(ctx context.Context, addr netip.AddrPort) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	name := fmt.Sprintf("~%d", s.attempts.Add(1)) // not the name of a node: it has no id
	at := &attempt{ctx: ctx}
	s.tr.begin(name, at)
	defer s.tr.finish(name)
	_, err := s.ml.Join([]string{name + "/" + addr.String()})
	switch {
	case err == nil:
		return nil
	case s.ctx.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case at.err != nil:
		return at.err
	}
	return s.explain(addr, err)
}

// explain makes a typed error of memberlist's text, and a log line if the seed
// refused this node.
func (s *Swim) explain(addr netip.AddrPort, err error) error {
	reason := err.Error()
	if _, after, ok := strings.Cut(reason, net.JoinHostPort(addr.Addr().String(), fmt.Sprint(addr.Port()))+": "); ok {
		reason = strings.TrimSpace(after)
	}
	if !isRefusal(reason) {
		return errors.New(reason)
	}
	s.lines.refused.warn(s.log, "swim: refused by a seed; likely another cluster name or key", addr.String(), reason)
	return fmt.Errorf("%w (%s)", ErrRefused, reason)
}

// A node that refuses a stream closes it without a word, so the sign is the
// stream's end; where it can tell why, its words or ours are among the signs.
func isRefusal(reason string) bool {
	if _, _, ok := parseRefusal(reason); ok {
		return true
	}
	return containsAny(reason, "EOF", "connection reset", "broken pipe", "closed pipe", "remote error: ")
}
