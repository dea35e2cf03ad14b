package node_test

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grapevine-go/grapevine/examples/cachecluster/node"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
)

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var nodes []*node.Node
	var seeds []string
	for _, name := range []peer.ID{"a", "b", "c"} {
		n, err := node.Start(ctx, node.Config{
			Gossip: gossip.Config{Cluster: "example", Name: name, Bind: "127.0.0.1:0", Preset: gossip.Local, Seeds: seeds},
			Redis:  "127.0.0.1:0",
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer n.Close(ctx)
		nodes = append(nodes, n)
		seeds = []string{nodes[0].Gossip().Addr().String()}
	}
	for _, n := range nodes {
		if err := n.Gossip().WaitReady(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}

	first := redis.NewClient(&redis.Options{Addr: nodes[0].Redis()})
	last := redis.NewClient(&redis.Options{Addr: nodes[2].Redis()})
	fmt.Println(first.Set(ctx, "greeting", "hello", time.Minute).Val())
	fmt.Println(last.Get(ctx, "greeting").Val())
	first.Close()
	last.Close()
	// Output:
	// OK
	// hello
}
