package gossip

import (
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/transport"
)

// carry sends what the machine wants to have sent, and empties the effects.
func (n *Node) carry(out *replica.Effects) { n.carryTo((*background)(n), out) }

// carryTo has the replies brought to done.
func (n *Node) carryTo(done transport.Completion, out *replica.Effects) {
	for _, s := range out.Sends {
		if n.lose != nil && n.lose() {
			done.Complete(s.Token, nil, transport.ErrTimeout)
			continue
		}
		if n.load.yields(transport.Class(s.Class), s.Msg) {
			done.Complete(s.Token, nil, transport.ErrOverloaded)
		} else if p := n.peer(s.To); p != nil {
			p.Call(transport.Class(s.Class), s.Msg, time.Now().Add(exchangeTimeout), done, s.Token)
		} else {
			done.Complete(s.Token, nil, transport.ErrUnreachable)
		}
	}
	out.Reset()
}

// background takes the replies to what the machine sent.
type background Node

// Complete implements transport.Completion.
func (b *background) Complete(token uint64, reply []byte, err error) {
	n := (*Node)(b)
	if err != nil {
		n.failure.Store(&err)
	}
	var out replica.Effects
	n.replica.Reply(time.Now(), token, reply, err, &out)
	n.carry(&out)
}

// served answers the requests of other nodes.
type served Node

// Serve implements transport.Handler.
func (s *served) Serve(_ transport.Remote, _ transport.Class, request, dst []byte) []byte {
	reply := s.replica.Serve(time.Now(), request, dst)
	(*Node)(s).flush()
	return reply
}
