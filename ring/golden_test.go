package ring

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// Every node must compute the same owners, whatever the version of the program:
// the function is part of the wire format, and this file holds it.
func TestGoldenPlacement(t *testing.T) {
	var b strings.Builder
	small := Place(evenNodes(5), 16, 3)
	for p := range small.Partitions() {
		fmt.Fprintln(&b, "5 nodes, partition", p, small.Owners(p))
	}
	for _, c := range []struct {
		name  string
		nodes []Node
	}{
		{"1 node", evenNodes(1)}, {"3 nodes", evenNodes(3)}, {"5 nodes", evenNodes(5)}, {"100 nodes", evenNodes(100)},
		{"5 weighted", weightedNodes(5, 3)}, {"40 weighted", weightedNodes(40, MaxWeight)},
		{"zones 2 2", zonedNodes(2, 2)}, {"zones 1 2 3", zonedNodes(1, 2, 3)}, {"zones 1 3 6 10", zonedNodes(1, 3, 6, 10)},
	} {
		for _, partitions := range []int{1, 256, 8192} {
			for _, n := range []int{1, 3, 4} {
				h := xxhash.New()
				for _, o := range Place(c.nodes, partitions, n).owners {
					h.Write(binary.BigEndian.AppendUint16(nil, o))
				}
				fmt.Fprintf(&b, "%s, %d partitions, n=%d: %016x\n", c.name, partitions, n, h.Sum64())
			}
		}
	}
	golden(t, "testdata/placement.golden", b.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}
