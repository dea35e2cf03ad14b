package gossip_test

import (
	"fmt"
	"testing"
)

func TestPutAtOneGetAtAll(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 5)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 100)
	for _, n := range nodes {
		table := open(t, n)
		expectAll(t, table, keys)
		if c, err := table.Len(within(t)); err != nil || c != 100 {
			t.Fatalf("%s: Len %d %v", n.ID(), c, err)
		}
	}
	for i, key := range keys { // written and read at any node
		at := nodes[i%len(nodes)]
		value := fmt.Sprintf("%s wrote %s", at.ID(), key)
		put(t, open(t, at), key, value)
		expect(t, open(t, nodes[(i+1)%len(nodes)]), key, value)
	}
	settled(t, nodes...)
}
