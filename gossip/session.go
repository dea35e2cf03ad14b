package gossip

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/session"
	"github.com/grapevine-go/grapevine/ring"
)

// sessions are what the node has for sessions: the seal of their tokens, and
// counts.
type sessions struct {
	sealer       *session.Sealer
	waited, lost atomic.Uint64
}

func (s *sessions) init(cfg *Config) {
	keys := cfg.Keys
	if len(keys) == 0 { // good for tokens that come back to this process
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		keys = [][]byte{key}
	}
	s.sealer = session.NewSealer(cfg.Cluster, keys...)
}

// record tells the session of an operation, if there is one, what came of it.
// The caller holds k.mu.
func (s *sessions) record(k *call) {
	if k.c.Session == nil {
		return
	}
	k.c.Record()
	if k.c.Op.Waited() {
		s.waited.Add(1)
	}
	if errors.Is(k.c.Op.Cause, quorum.ErrSessionLost) {
		s.lost.Add(1)
	}
}

// resolve applies a call's options to the table's settings. The error wraps
// quorum.ErrLevel.
func (t *table) resolve(opts []quorum.Option) (quorum.Call, error) {
	c, err := t.nwr.Resolve(opts)
	if err == nil && c.Hints && (t.spec.Kind != ring.Ring || t.n.cfg.HintBytes < 0) {
		err = fmt.Errorf("gossip: table %q: %w: hints are to count, and there are none", t.spec.Name, quorum.ErrLevel)
	}
	return c, err
}

// prepare takes over what a call says of itself beyond its levels.
func (t *table) prepare(k *call, c quorum.Call) {
	k.c.Session, k.c.Wish.Zones, k.c.Wish.Hints = c.Session, c.Zones, c.Hints
	if k.mode = t.repair.Mode; c.RepairSet {
		k.mode = c.Repair
	}
}

// Session returns a session that has seen nothing, for the calls that are given
// it by [quorum.In], at any node of this process. See package session for what
// the guarantees mean.
//
// Its tokens are sealed with a key that is derived from [Config.Keys]: the first
// seals, all of them open, so that rotating those keys rotates this one. Nodes
// that have the same keys and Cluster open each other's. Without Keys it is a
// random one, and a token is of use at this node alone, until it restarts.
func (n *Node) Session(g session.Guarantees) *session.Session {
	return session.New(g, n.sessions.sealer)
}

// Resume returns the session of a token that a node of this cluster has made.
// The error wraps session.ErrToken; there is no session then, and the client has
// to begin another one.
func (n *Node) Resume(token string) (*session.Session, error) {
	s, err := n.sessions.sealer.Open(token, time.Now(), n.cfg.MaxSkew)
	if err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	return s, nil
}
