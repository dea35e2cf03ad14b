package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grapevine-go/grapevine/examples/cachecluster/server"
)

// oneKey is a table that knows one key; a real one is replicated.
type oneKey struct{ server.Table }

func (oneKey) Get(_ context.Context, key string) (server.Entry, error) {
	return server.Entry{Value: []byte("hello"), Found: key == "greeting"}, nil
}

func (oneKey) Put(context.Context, string, []byte, time.Time) error {
	return &server.Error{Code: "TRYAGAIN", Err: errors.New("too busy; nothing was changed")}
}

func Example() {
	s, err := server.New(server.Config{
		Status: func() server.Status { return server.Status{Node: "a", Ready: true} },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Open(oneKey{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve(l)

	ctx := context.Background()
	client := redis.NewClient(&redis.Options{Addr: l.Addr().String(), MaxRetries: -1})
	fmt.Println(client.Get(ctx, "greeting").Val())
	fmt.Println(client.Set(ctx, "greeting", "hi", 0).Err())
	fmt.Println(client.Incr(ctx, "counter").Err() != nil)
	client.Close()
	s.Shutdown(ctx)
	// Output:
	// hello
	// TRYAGAIN too busy; nothing was changed
	// true
}
