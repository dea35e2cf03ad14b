package convergence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/internal/fault"
	"github.com/grapevine-go/grapevine/peer"
)

// grapevine is a cluster with a table that every member holds.
type grapevine struct {
	nodes    []*gossip.Node
	tables   []*gossip.RegisterTable[[]byte]
	metrics  []*prometheus.Registry
	watching sync.WaitGroup
	stop     context.CancelFunc
}

func startGrapevine(ctx context.Context, n int, loss float64, t *tally) (system, error) {
	if loss > 0 {
		ctx = fault.WithLoss(ctx, func() bool { return rand.Float64() < loss })
	}
	g := new(grapevine)
	watch, stop := context.WithCancel(context.Background())
	g.stop = stop
	for i := range n {
		if err := g.add(ctx, i); err != nil {
			return nil, fmt.Errorf("%w: %w", err, g.Close())
		}
		// Each that joins is in touch with all others for some seconds; in one
		// process that is a matter of file descriptors.
		time.Sleep(time.Duration(n) * 3 * time.Millisecond)
	}
	for i, node := range g.nodes {
		if err := node.WaitReady(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", err, g.Close())
		}
		g.watching.Go(func() {
			for c := range g.tables[i].Watch(watch, "") {
				if update, err := strconv.Atoi(c.Key); err == nil {
					t.hear(i, update)
				}
			}
		})
	}
	return g, nil
}

// add starts a node that finds the others through the first.
func (g *grapevine) add(ctx context.Context, i int) error {
	registry := prometheus.NewRegistry()
	cfg := gossip.Config{Cluster: "bench", Name: peer.ID(fmt.Sprintf("n%03d", i)), Bind: "127.0.0.1:0", Registerer: registry, SweepEvery: liveSweep}
	if i > 0 {
		cfg.Seeds = []string{g.nodes[0].Addr().String()}
	}
	node, err := gossip.Start(ctx, cfg)
	if err != nil {
		return err
	}
	g.nodes, g.metrics = append(g.nodes, node), append(g.metrics, registry)
	table, err := gossip.Everywhere(node, "bench", gossip.Registers[[]byte]())
	g.tables = append(g.tables, table)
	return err
}

func (g *grapevine) write(node, update int, body []byte) error {
	_, err := g.tables[node].Put(context.Background(), strconv.Itoa(update), body)
	return err
}

func (g *grapevine) sent() (copies, control float64) {
	for _, registry := range g.metrics {
		families, err := registry.Gather()
		if err != nil {
			continue
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() != "grapevine_rumors_total" {
					continue
				}
				switch m.GetLabel()[0].GetValue() {
				case "sent":
					copies += m.GetCounter().GetValue()
				case "announced", "asked":
					control += m.GetCounter().GetValue()
				}
			}
		}
	}
	return copies, control
}

// Close implements io.Closer.
func (g *grapevine) Close() error {
	g.stop()
	g.watching.Wait()
	var closing sync.WaitGroup
	for _, node := range g.nodes {
		closing.Go(func() { node.Close() })
	}
	closing.Wait()
	return nil
}
