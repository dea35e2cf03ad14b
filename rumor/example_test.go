package rumor_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/rumor"
)

// Three nodes, driven by hand: an update made at "a" reaches all.
func Example() {
	ids := []peer.ID{"a", "b", "c"}
	members := []rumor.Member{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	cfg := &rumor.Config{Policy: rumor.DefaultPolicy(), Interval: 200 * time.Millisecond, Rand: rand.New(rand.NewPCG(1, 2))}
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

	cores := make(map[peer.ID]*rumor.Core)
	for _, id := range ids {
		core, err := rumor.New(cfg, rumor.NewMembers(rumor.Member{ID: id}, members), now)
		if err != nil {
			fmt.Println(err)
			return
		}
		cores[id] = core
	}

	data := map[peer.ID]string{"a": "on"} // what each node knows of the key
	var out rumor.Effects
	cores["a"].Originate(now, rumor.Rumor{Key: "flag", Version: 1, Body: []byte("on")}, &out)
	for range 10 {
		now = now.Add(cfg.Interval)
		for _, from := range ids {
			out.Reset()
			cores[from].Tick(now, &out)
			for i := range out.Sends {
				to, m := out.Sends[i].To, &out.Sends[i].Message
				for j := range m.Rumors {
					m.Rumors[j].News = data[to] == "" // the caller joins, and says what was news
					data[to] = string(m.Rumors[j].Body)
				}
				var none rumor.Effects // a blind push has no answer
				cores[to].Receive(now, from, m, &none)
			}
		}
	}
	fmt.Println(data["a"], data["b"], data["c"], "hot:", cores["a"].HotLen())
	// Output: on on on hot: 0
}
