package swim

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"
)

// delegate is what memberlist calls. The event callbacks run under its node
// lock, so each only copies into the directory and returns.
type delegate struct{ s *Swim }

var (
	_ memberlist.Delegate      = delegate{}
	_ memberlist.EventDelegate = delegate{}
	_ memberlist.AliveDelegate = delegate{}
	_ memberlist.PingDelegate  = delegate{}
)

// describe turns memberlist's node into a member. It fails on metadata that no
// node of this library would send.
func describe(n *memberlist.Node) (Member, error) {
	m, err := parseMeta(n.Meta)
	if err != nil {
		return Member{}, err
	}
	if n.Name != wireName(m.id, m.boot.Nonce) {
		return Member{}, fmt.Errorf("%w: of %s~%016x under the name %q", errMeta, m.id, m.boot.Nonce, n.Name)
	}
	ip, ok := netip.AddrFromSlice(n.Addr)
	if ip = ip.Unmap(); !ok || ip.IsUnspecified() || n.Port == 0 {
		return Member{}, fmt.Errorf("%w: address %v port %d", errMeta, n.Addr, n.Port)
	}
	member := Member{
		ID: m.id, Boot: m.boot, Addr: netip.AddrPortFrom(ip, n.Port),
		Data: m.data, Zone: m.zone, Weight: m.weight, Versions: m.versions,
	}
	if m.leaving {
		member.State = Left
	}
	return member, nil
}

// NotifyAlive refuses what describe cannot read, before memberlist believes
// it; memberlist logs the error and drops the message.
func (d delegate) NotifyAlive(n *memberlist.Node) error {
	_, err := describe(n)
	return err
}

func (d delegate) NotifyJoin(n *memberlist.Node) { d.NotifyUpdate(n) }

func (d delegate) NotifyUpdate(n *memberlist.Node) {
	if m, err := describe(n); err == nil { // NotifyAlive saw to it
		d.s.dir.heard(m)
	}
}

func (d delegate) NotifyLeave(n *memberlist.Node) {
	if id, nonce, ok := parseWireName(n.Name); ok {
		d.s.dir.end(id, nonce)
	}
}

// NotifyPingComplete is called for a direct ping that was answered.
func (d delegate) NotifyPingComplete(n *memberlist.Node, rtt time.Duration, _ []byte) {
	if id, nonce, ok := parseWireName(n.Name); ok && d.s.ctx.Err() == nil {
		d.s.dir.answered(id, nonce, rtt)
	}
}

// unanswered is memberlist's question whether to fall back to a stream for a
// node, asked when a direct ping was not answered in time: the one sign it
// gives of a suspicion. The answer is always to fall back.
func (d delegate) unanswered(name string) (disable bool) {
	if id, nonce, ok := parseWireName(name); ok {
		d.s.dir.unanswered(id, nonce)
	}
	return false
}

// NodeMeta gives what this node tells about itself.
func (d delegate) NodeMeta(int) []byte {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	return d.s.meta.append(nil)
}

// The rest is not used: data takes the library's own connections.

func (d delegate) AckPayload() []byte              { return nil }
func (d delegate) NotifyMsg([]byte)                {}
func (d delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (d delegate) LocalState(bool) []byte          { return nil }
func (d delegate) MergeRemoteState([]byte, bool)   {}
