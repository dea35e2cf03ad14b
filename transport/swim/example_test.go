package swim_test

import (
	"context"
	"fmt"

	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/transport/swim"
)

func Example() {
	ctx := context.Background()
	start := func(id peer.ID, nonce uint64, onEvent func(swim.Event)) *swim.Swim {
		s, err := swim.Start(swim.Config{
			ID: id, Boot: peer.Boot{Counter: 1, Nonce: nonce}, // use a random nonce
			Cluster: "shop", Bind: "127.0.0.1:0", Preset: swim.Local, OnEvent: onEvent,
		})
		if err != nil {
			panic(err)
		}
		return s
	}
	events := make(chan swim.Event)
	a := start("a", 1, func(ev swim.Event) { events <- ev })
	defer a.Close()
	b := start("b", 2, nil)
	defer b.Close()

	if _, err := b.Join(ctx, a.Self().Addr.String()); err != nil {
		panic(err)
	}
	came := <-events
	fmt.Println(came.Kind, came.Member.ID)

	for _, m := range b.Members() {
		fmt.Println(m.ID, m.State)
	}

	go b.Leave(ctx)
	went := <-events
	fmt.Println(went.Kind, went.Member.ID)
	// Output:
	// join b
	// a alive
	// b alive
	// leave b
}
