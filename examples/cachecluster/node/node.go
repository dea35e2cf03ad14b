package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/grapevine-go/grapevine/examples/cachecluster/server"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
)

// TableName is the name of the table that holds the cache.
const TableName = "cache"

// levels are how the cache is replicated: three owners a key, of which two
// confirm a write and two answer a read, so that a read meets every write that
// was acknowledged before, with any one owner gone.
var levels = quorum.NWR{N: 3, W: 2, R: 2}

// Config is what a [Node] is started with.
type Config struct {
	Gossip gossip.Config
	// Redis is the "host:port" for clients; port 0 takes any free one.
	Redis string
	// Password is what clients must give to AUTH; none if empty.
	Password string
	// MaxClients is the most connections of clients; default 10,000.
	MaxClients int
	// IdleTimeout closes connections that send nothing for so long; 0: never.
	IdleTimeout time.Duration
}

// Node is a running node.
type Node struct {
	name   peer.ID
	gossip atomic.Pointer[gossip.Node] // nil until it has its place in the cluster
	redis  net.Listener
	server *server.Server
	served chan struct{} // closed when serving has ended
	ended  error         // why it did
}

// Start starts a node and returns when it has its place in the cluster. It may
// not be filled with its share of the data yet. Clients are answered from the
// beginning: with LOADING, and by INFO, so that they can wait. ctx bounds the
// start alone. On an error nothing is left running.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	n, err := listen(cfg)
	if err != nil {
		return nil, err
	}
	if err := n.join(ctx, cfg); err != nil {
		n.Kill()
		return nil, err
	}
	return n, nil
}

// listen opens the port for clients, and answers them. That the port is busy
// must be known before a member joins.
func listen(cfg Config) (*Node, error) {
	n := &Node{name: cfg.Gossip.Name, served: make(chan struct{})}
	logger := cfg.Gossip.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	var err error
	n.server, err = server.New(server.Config{
		Status:      n.status,
		Password:    cfg.Password,
		MaxClients:  cfg.MaxClients,
		MaxValue:    max(cfg.Gossip.MaxValue, 0), // that it is negative, gossip will say
		IdleTimeout: cfg.IdleTimeout,
		Logger:      logger.With("node", string(n.name)),
	})
	if err != nil {
		return nil, err
	}
	if n.redis, err = net.Listen("tcp", cfg.Redis); err != nil {
		return nil, fmt.Errorf("the port for Redis clients: %w", err)
	}
	go func() {
		defer close(n.served)
		n.ended = n.server.Serve(n.redis)
	}()
	return n, nil
}

// join makes the node a member and opens its table.
func (n *Node) join(ctx context.Context, cfg Config) error {
	g, err := gossip.Start(ctx, cfg.Gossip)
	if err != nil {
		return err
	}
	n.gossip.Store(g)
	registers, err := gossip.Ring(g, TableName, gossip.Registers[[]byte](), levels)
	if err != nil {
		return err
	}
	n.server.Open(table{registers})
	return nil
}

// Gossip is the node as a member of the cluster.
func (n *Node) Gossip() *gossip.Node { return n.gossip.Load() }

// Redis is the address for clients.
func (n *Node) Redis() string { return n.redis.Addr().String() }

// Close answers what clients have sent, as long as ctx allows, and stops
// without a goodbye to the other nodes. It may be called again.
func (n *Node) Close(ctx context.Context) error {
	err := n.server.Shutdown(ctx)
	if <-n.served; !errors.Is(n.ended, server.ErrClosed) {
		err = errors.Join(err, n.ended)
	}
	if g := n.Gossip(); g != nil {
		err = errors.Join(err, g.Close())
	}
	return err
}

// Kill stops at once, as if the machine had failed: nothing is finished.
func (n *Node) Kill() {
	if g := n.Gossip(); g != nil {
		g.Close()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = n.Close(ctx) // complains that it was not given time
}

// Missing says why some commands on keys, or all, cannot be carried out at the
// moment; empty if all can.
func (n *Node) Missing() string { return n.status().Missing }
