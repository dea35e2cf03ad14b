package gossip_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/session"
)

func Example() {
	ctx := context.Background()
	node, err := gossip.Start(ctx, gossip.Config{
		Cluster: "shop",        // nodes of another cluster are refused
		Name:    "a",           // unique, and kept across restarts
		Bind:    "127.0.0.1:0", // beyond loopback: Keys and TLS
		// Seeds: []string{"shop.internal"}, // the same list on every node; none: begin a cluster
	})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	// One owner a key here; quorum.NWR{N: 3, W: 2, R: 2} in a cluster of three or more.
	sessions, err := gossip.Ring(node, "sessions", gossip.Registers[string](), quorum.NWR{N: 1, W: 1, R: 1})
	if err != nil {
		log.Fatal(err)
	}
	if err := node.WaitReady(ctx); err != nil { // until then reads may be refused
		log.Fatal(err)
	}
	if _, err := sessions.Put(ctx, "user:42", "apple"); errors.Is(err, quorum.ErrUnknown) {
		log.Print("perhaps written; writing the same again is harmless: ", err)
	} else if err != nil {
		log.Fatal("not written: ", err)
	}
	value, found, err := sessions.Get(ctx, "user:42")
	fmt.Println(value, found, err)
	// Output: apple true <nil>
}

// Nodes that find each other through the first, here in one process. Each opens
// the table in the same words.
func ExampleRing() {
	ctx := context.Background()
	var stock *gossip.RegisterTable[int]
	var seeds []string
	for _, name := range []peer.ID{"a", "b", "c"} {
		node, err := gossip.Start(ctx, gossip.Config{
			Cluster: "stock", Name: name, Bind: "127.0.0.1:0", Seeds: seeds, Preset: gossip.Local,
		})
		if err != nil {
			log.Fatal(err)
		}
		defer node.Close()
		seeds = []string{node.Addr().String()}
		stock, err = gossip.Ring(node, "stock", gossip.Registers[int](), quorum.NWR{N: 3, W: 2, R: 2})
		if err != nil {
			log.Fatal(err)
		}
		if err := node.WaitReady(ctx); err != nil {
			log.Fatal(err)
		}
	}
	// At the last node; it could be any, as soon as all have heard of each other.
	receipt, err := stock.Put(ctx, "apples", 7)
	fmt.Println(receipt.Acked >= 2, err)
	n, found, err := stock.Get(ctx, "apples")
	fmt.Println(n, found, err)
	// Output:
	// true <nil>
	// 7 true <nil>
}

// What to do after a write depends on how it ended.
func ExampleOutcome() {
	node, err := gossip.Start(context.Background(), gossip.Config{Cluster: "shop", Name: "a", Bind: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	carts, err := gossip.Ring(node, "carts", gossip.Registers[int](), quorum.NWR{N: 3, W: 2, R: 2})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = carts.Put(ctx, "user:42", 7) // two of three owners are needed, and there is one
	switch gossip.Outcome(err) {
	case quorum.Applied:
		fmt.Println("two owners have it")
	case quorum.NotApplied:
		fmt.Println("nobody has it:", errors.Is(err, quorum.ErrUnavailable))
	case quorum.Unknown:
		fmt.Println("somebody may have it: write it again, or read it")
	}
	var e *quorum.Error
	if errors.As(err, &e) {
		fmt.Printf("%d of %d owners\n", e.Acked, e.Needed)
	}
	// Output:
	// nobody has it: true
	// 0 of 2 owners
}

// A feature flag on every node: set at one, read and followed at another.
func ExampleEverywhere() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var tables []*gossip.RegisterTable[bool]
	var seeds []string
	for _, name := range []peer.ID{"a", "b"} {
		node, err := gossip.Start(ctx, gossip.Config{Cluster: "flags", Name: name, Bind: "127.0.0.1:0", Seeds: seeds, Preset: gossip.Local})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer node.Close()
		seeds = []string{node.Addr().String()}
		table, err := gossip.Everywhere(node, "flags", gossip.Registers[bool]())
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := node.WaitReady(ctx); err != nil {
			fmt.Println(err)
			return
		}
		tables = append(tables, table)
	}
	if _, err := tables[0].Put(ctx, "new-checkout", true); err != nil {
		fmt.Println(err)
		return
	}
	p, err := tables[0].WaitPropagated(ctx, "new-checkout", 0)
	fmt.Println(p.Have, "nodes have it,", err)
	for change := range tables[1].Watch(ctx, "new-") {
		if !change.Resync {
			fmt.Println(change.Key, change.Value)
			break
		}
	}
	// Output:
	// 2 nodes have it, <nil>
	// new-checkout true
}

// A client is never shown less than it has seen, whatever node it comes to: its
// session goes along as a token, such as in a cookie.
func ExampleNode_Session() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var nodes []*gossip.Node
	var tables []*gossip.RegisterTable[string]
	for _, name := range []peer.ID{"a", "b"} {
		cfg := gossip.Config{Cluster: "shop", Name: name, Bind: "127.0.0.1:0", Preset: gossip.Local, Keys: [][]byte{[]byte("the same for all")}}
		if len(nodes) > 0 {
			cfg.Seeds = []string{nodes[0].Addr().String()}
		}
		node, err := gossip.Start(ctx, cfg)
		if err != nil {
			log.Fatal(err)
		}
		defer node.Close()
		carts, err := gossip.Ring(node, "carts", gossip.Registers[string](), quorum.NWR{N: 2, W: 1, R: 1})
		if err != nil {
			log.Fatal(err)
		}
		if err := node.WaitReady(ctx); err != nil {
			log.Fatal(err)
		}
		nodes, tables = append(nodes, node), append(tables, carts)
	}
	here := nodes[0].Session(session.ReadYourWrites | session.MonotonicReads)
	if _, err := tables[0].Put(ctx, "user:42", "apple", quorum.In(here)); err != nil { // one owner has it
		log.Fatal(err)
	}
	cookie := here.Token()

	there, err := nodes[1].Resume(cookie)
	if err != nil {
		log.Fatal(err)
	}
	cart, found, err := tables[1].Get(ctx, "user:42", quorum.In(there)) // perhaps of the other owner
	fmt.Println(cart, found, errors.Is(err, quorum.ErrSessionLost))
	// Output:
	// apple true false
}
