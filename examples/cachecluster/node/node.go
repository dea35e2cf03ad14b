package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/grapevine-go/grapevine/examples/cachecluster/server"
	"github.com/grapevine-go/grapevine/gossip"
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
}

// Node is a running node.
type Node struct {
	Gossip *gossip.Node
	redis  net.Listener
	server *server.Server
	served chan struct{} // closed when serving has ended
	ended  error         // why it did
}

// Start starts a node and returns when it has its place in the cluster and
// answers clients. It may not be filled with its share of the data yet. ctx
// bounds the start alone. On an error nothing is left running.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	// The port first: that it is busy must be known before a member joins.
	listener, err := net.Listen("tcp", cfg.Redis)
	if err != nil {
		return nil, fmt.Errorf("the port for Redis clients: %w", err)
	}
	g, err := gossip.Start(ctx, cfg.Gossip)
	if err != nil {
		listener.Close()
		return nil, err
	}
	n := &Node{Gossip: g, redis: listener, served: make(chan struct{})}
	if err := n.open(cfg); err != nil {
		listener.Close()
		g.Close()
		return nil, err
	}
	go func() {
		defer close(n.served)
		n.ended = n.server.Serve(listener)
	}()
	return n, nil
}

// open makes the table and the server.
func (n *Node) open(cfg Config) error {
	registers, err := gossip.Ring(n.Gossip, TableName, gossip.Registers[[]byte](), levels)
	if err != nil {
		return err
	}
	logger := cfg.Gossip.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	n.server, err = server.New(server.Config{
		Table:      table{registers},
		Status:     n.status,
		Password:   cfg.Password,
		MaxClients: cfg.MaxClients,
		MaxValue:   cfg.Gossip.MaxValue,
		Logger:     logger.With("node", string(cfg.Gossip.Name)),
	})
	return err
}

// Redis is the address for clients.
func (n *Node) Redis() string { return n.redis.Addr().String() }

// Done is closed when the node has stopped by itself; Gossip.Err says why.
func (n *Node) Done() <-chan struct{} { return n.Gossip.Done() }

// Close answers what clients have sent, as long as ctx allows, and stops
// without a goodbye to the other nodes. It may be called again.
func (n *Node) Close(ctx context.Context) error {
	err := n.server.Shutdown(ctx)
	if <-n.served; !errors.Is(n.ended, server.ErrClosed) {
		err = errors.Join(err, n.ended)
	}
	return errors.Join(err, n.Gossip.Close())
}

// Kill stops at once, as if the machine had failed: nothing is finished.
func (n *Node) Kill() {
	n.Gossip.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n.Close(ctx) // what it complains of is what was wanted
}

// status is what INFO tells.
func (n *Node) status() server.Status {
	s := n.Gossip.Status()
	keys := 0
	for _, t := range n.Gossip.Tables() {
		if t.Name == TableName {
			keys = t.Live
		}
	}
	return server.Status{
		Node:           string(s.ID),
		Boot:           s.Boot.String(),
		Ready:          s.Ready,
		Synced:         s.Synced,
		Members:        s.Alive,
		RingVersion:    strconv.FormatUint(s.RingVersion, 16),
		UnsyncedTables: slices.Sorted(maps.Keys(s.Unsynced)),
		LocalKeys:      keys,
	}
}
