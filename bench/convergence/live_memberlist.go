package convergence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// broadcasters is a cluster of memberlist's with one broadcast queue a node, as
// its delegates have.
type broadcasters struct {
	nodes []*broadcaster
	count atomic.Int64 // copies sent
}

// broadcaster is one node, and its delegate.
type broadcaster struct {
	*memberlist.Memberlist
	all   *broadcasters
	index int
	tally *tally
	queue memberlist.TransmitLimitedQueue
	mu    sync.Mutex
	known map[string]bool
}

func startMemberlist(_ context.Context, n int, loss float64, t *tally) (system, error) {
	all := new(broadcasters)
	for i := range n {
		b := &broadcaster{all: all, index: i, tally: t, known: make(map[string]bool)}
		cfg := memberlist.DefaultLANConfig()
		cfg.Name, cfg.BindAddr, cfg.BindPort, cfg.AdvertisePort = fmt.Sprintf("n%03d", i), "127.0.0.1", 0, 0
		cfg.Delegate, cfg.Logger = b, log.New(io.Discard, "", 0)
		transport, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{BindAddrs: []string{cfg.BindAddr}, Logger: cfg.Logger})
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		cfg.BindPort = transport.GetAutoBindPort()
		cfg.AdvertisePort = cfg.BindPort
		cfg.Transport = &lossyTransport{transport, loss}
		if b.Memberlist, err = memberlist.Create(cfg); err != nil {
			return nil, errors.Join(err, all.Close())
		}
		b.queue = memberlist.TransmitLimitedQueue{NumNodes: b.NumMembers, RetransmitMult: cfg.RetransmitMult}
		all.nodes = append(all.nodes, b)
		if i > 0 {
			if _, err := b.Join([]string{all.nodes[0].LocalNode().Address()}); err != nil {
				return nil, errors.Join(err, all.Close())
			}
		}
	}
	return all, all.settle(n)
}

// settle waits until everybody knows everybody.
func (a *broadcasters) settle(n int) error {
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(livePause) {
		known := 0
		for _, b := range a.nodes {
			known += b.NumMembers()
		}
		if known == n*n {
			return nil
		}
	}
	return errors.New("the members do not find each other")
}

// lossyTransport loses packets, and no streams.
type lossyTransport struct {
	*memberlist.NetTransport
	loss float64
}

// WriteTo implements memberlist.Transport.
func (l *lossyTransport) WriteTo(b []byte, addr string) (time.Time, error) {
	if l.loss > 0 && rand.Float64() < l.loss {
		return time.Now(), nil
	}
	return l.NetTransport.WriteTo(b, addr)
}

// WriteToAddress implements memberlist.NodeAwareTransport.
func (l *lossyTransport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	return l.WriteTo(b, a.Addr)
}

func (a *broadcasters) write(node, number int, body []byte) error {
	a.nodes[node].take([]byte(strconv.Itoa(number) + " " + string(body)))
	return nil
}

func (a *broadcasters) sent() (copies, control float64) { return float64(a.count.Load()), 0 }

// Close implements io.Closer.
func (a *broadcasters) Close() error {
	var errs []error
	for _, b := range a.nodes {
		errs = append(errs, b.Shutdown())
	}
	return errors.Join(errs...)
}

// take queues what is news.
func (b *broadcaster) take(message []byte) {
	name, _, _ := strings.Cut(string(message), " ")
	number, err := strconv.Atoi(name)
	if err != nil {
		return
	}
	b.mu.Lock()
	news := !b.known[name]
	b.known[name] = true
	b.mu.Unlock()
	if news {
		b.tally.hear(b.index, number)
		b.queue.QueueBroadcast(&update{message})
	}
}

// update is a broadcast of its own: none takes the place of another.
type update struct{ message []byte }

// Message implements memberlist.Broadcast.
func (u *update) Message() []byte { return u.message }

// Invalidates implements memberlist.Broadcast.
func (u *update) Invalidates(memberlist.Broadcast) bool { return false }

// UniqueBroadcast implements memberlist.UniqueBroadcast.
func (u *update) UniqueBroadcast() {}

// Finished implements memberlist.Broadcast.
func (u *update) Finished() {}

// NotifyMsg implements memberlist.Delegate.
func (b *broadcaster) NotifyMsg(m []byte) { b.take(append([]byte(nil), m...)) }

// GetBroadcasts implements memberlist.Delegate.
func (b *broadcaster) GetBroadcasts(overhead, limit int) [][]byte {
	messages := b.queue.GetBroadcasts(overhead, limit)
	b.all.count.Add(int64(len(messages)))
	return messages
}

// NodeMeta implements memberlist.Delegate.
func (b *broadcaster) NodeMeta(int) []byte { return nil }

// LocalState implements memberlist.Delegate.
func (b *broadcaster) LocalState(bool) []byte { return nil }

// MergeRemoteState implements memberlist.Delegate.
func (b *broadcaster) MergeRemoteState([]byte, bool) {}
