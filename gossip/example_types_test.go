package gossip_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// alone starts a node with one table. In a cluster of three or more the levels
// would be quorum.NWR{N: 3, W: 2, R: 2}.
func alone[H any](kind gossip.Kind[H]) (table H, stop func() error) {
	ctx := context.Background()
	node, err := gossip.Start(ctx, gossip.Config{Cluster: "shop", Name: "a", Bind: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	table, err = gossip.Ring(node, "table", kind, quorum.NWR{N: 1, W: 1, R: 1})
	if err == nil {
		err = node.WaitReady(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}
	return table, node.Close
}

func ExampleSets() {
	carts, stop := alone(gossip.Sets[string]())
	defer stop()
	ctx := context.Background()
	for _, fruit := range []string{"apple", "pear"} {
		if _, err := carts.Add(ctx, "user:42", fruit); err != nil {
			log.Fatal(err)
		}
	}
	receipt, err := carts.Remove(ctx, "user:42", "apple")
	fmt.Println("owners seen:", receipt.Observed, err)
	cart, err := carts.Get(ctx, "user:42")
	fmt.Println(slices.Collect(cart.All()), err)
	// Output:
	// owners seen: 1 <nil>
	// [pear] <nil>
}

func ExampleCounters() {
	likes, stop := alone(gossip.Counters())
	defer stop()
	ctx := context.Background()
	for range 3 {
		if _, err := likes.Add(ctx, "page", 2); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(likes.Get(ctx, "page"))
	// Output: 6 <nil>
}

func ExampleFlags() {
	flags, stop := alone(gossip.Flags())
	defer stop()
	ctx := context.Background()
	if _, err := flags.Enable(ctx, "maintenance"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(flags.Get(ctx, "maintenance"))
	// Output: true <nil>
}

// Two clients that write without having seen each other leave both values; the
// next one sees both, and decides.
func ExampleMulti() {
	titles, stop := alone(gossip.Multi[string]())
	defer stop()
	ctx := context.Background()
	view, err := titles.Get(ctx, "doc")
	if err != nil {
		log.Fatal(err)
	}
	for _, title := range []string{"Draft", "Plan"} {
		if _, err := titles.PutOver(ctx, "doc", view, title); err != nil {
			log.Fatal(err)
		}
	}
	view, err = titles.Get(ctx, "doc")
	fmt.Println(slices.Collect(view.All()), err)
	_, err = titles.PutOver(ctx, "doc", view, "Draft of a plan")
	fmt.Println(err)
	view, err = titles.Get(ctx, "doc")
	fmt.Println(slices.Collect(view.All()), err)
	// Output:
	// [Draft Plan] <nil>
	// <nil>
	// [Draft of a plan] <nil>
}

// A map of counters, by a key of the table and a key of the map.
func ExampleCausal() {
	bottom := func() *crdt.Map[string, *crdt.Counter] { return crdt.NewMap[string](crdt.NewCounter) }
	stock, stop := alone(gossip.Causal(bottom))
	defer stop()
	ctx := context.Background()
	if _, err := stock.Apply(ctx, "shop", bottom().UpdateOp("apples", crdt.NewCounter().AddOp(7))); err != nil {
		log.Fatal(err)
	}
	shop, err := stock.Get(ctx, "shop")
	if err != nil {
		log.Fatal(err)
	}
	apples, _ := shop.Get("apples")
	fmt.Println(apples.Value())
	// Output: 7
}

// What became of a write, and how it is sent again without being done twice.
func ExampleCounterTable_retry() {
	likes, stop := alone(gossip.Counters())
	defer stop()
	ctx := context.Background()
	_, err := likes.Add(ctx, "page", 1)
	if failed, ok := err.(*quorum.Error); ok && failed.Outcome == quorum.Unknown {
		op := failed.Operation() // it can be kept, and carried to another process: AppendBinary
		fate, err := likes.Outcome(ctx, op)
		fmt.Println(fate, err)
		_, err = likes.Retry(ctx, op)
		fmt.Println(err)
	}
	fmt.Println(likes.Get(ctx, "page"))
	// Output: 1 <nil>
}

// Many sets in one call: each has a result of its own, and one that nobody has
// written is empty.
func ExampleSetTable_getMany() {
	carts, stop := alone(gossip.Sets[string]())
	defer stop()
	ctx := context.Background()
	if _, err := carts.Add(ctx, "user:42", "apple"); err != nil {
		log.Fatal(err)
	}
	for _, cart := range carts.GetMany(ctx, []string{"user:42", "user:43", ""}) {
		if cart.Err != nil {
			fmt.Println("error:", cart.Err)
			continue
		}
		fmt.Println(cart.Found, slices.Collect(cart.Value.All()))
	}
	// Output:
	// true [apple]
	// false []
	// error: gossip: a key has 1 to 4096 bytes, and this one is empty
}
