package transport_test

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/transport"
)

// greeter serves: it greets whoever asks.
type greeter struct{}

func (greeter) Serve(from transport.Remote, _ transport.Class, request, dst []byte) []byte {
	return fmt.Appendf(dst, "hello %s, %s", from.ID, request)
}

// answer waits for one call.
type answer chan string

func (a answer) Complete(_ uint64, reply []byte, err error) {
	if err != nil {
		a <- err.Error()
		return
	}
	a <- string(reply)
}

// Two nodes on a network in memory: "a" asks, "b" answers. With real sockets,
// the listener comes from net.Listen and Dial stays nil.
func Example() {
	network := transport.NewNetwork()
	listener, err := network.Listen("b:7947")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := transport.Start(transport.Config{
		ID: "b", Boot: peer.Boot{Counter: 1, Nonce: 22}, Cluster: "shop",
		Listener: listener, Handler: greeter{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	a, err := transport.Start(transport.Config{
		ID: "a", Boot: peer.Boot{Counter: 1, Nonce: 11}, Cluster: "shop", Dial: network.Dial,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()

	reply := make(answer, 1)
	a.Peer("b", "b:7947").Call(transport.Foreground, []byte("how are you?"), time.Now().Add(time.Second), reply, 0)
	fmt.Println(<-reply)
	// Output: hello a, how are you?
}
