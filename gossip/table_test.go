package gossip_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
)

func TestImpossibleTables(t *testing.T) {
	t.Parallel()
	n := start(t, config(t, 0, nil))
	type option = gossip.TableOption
	for _, tt := range []struct {
		name string
		nwr  quorum.NWR
		opts []option
		want error
		says []string
	}{
		{"t", quorum.NWR{}, nil, quorum.ErrLevel, []string{"N is 0", "W is 0", "R is 0"}},
		{"t", quorum.NWR{N: 17, W: 1, R: 1}, nil, quorum.ErrLevel, []string{"N is 17"}},
		{"t", quorum.NWR{N: 3, W: 4, R: 5}, nil, quorum.ErrLevel, []string{"W is 4", "R is 5"}},
		{"t", quorum.NWR{N: 3, W: -9, R: 1}, nil, quorum.ErrLevel, []string{"W is -9"}},
		{"", three, nil, ring.ErrTable, []string{"Name"}},
		{"my table", three, nil, ring.ErrTable, []string{"Name"}},
		{strings.Repeat("t", 261), three, nil, ring.ErrTable, []string{"Name"}},
		{"t", three, []option{gossip.Partitions(0)}, ring.ErrTable, []string{"Partitions", "0"}},
		{"t", three, []option{gossip.Partitions(-8)}, ring.ErrTable, []string{"Partitions"}},
		{"t", three, []option{gossip.Partitions(100)}, ring.ErrTable, []string{"Partitions", "100"}},
		{"t", three, []option{gossip.Partitions(1 << 17)}, ring.ErrTable, []string{"Partitions"}},
		{"t", three, []option{gossip.Partitions(1<<32 + 256)}, ring.ErrTable, []string{"Partitions"}},
	} {
		_, err := gossip.Ring(n, tt.name, gossip.Registers[string](), tt.nwr, tt.opts...)
		if !errors.Is(err, tt.want) {
			t.Errorf("%.9q %v: %v", tt.name, tt.nwr, err)
			continue
		}
		for _, says := range tt.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%q does not say %q", err, says)
			}
		}
	}
	if got := n.Tables(); len(got) > 0 {
		t.Errorf("created %v", got)
	}
}

func TestLevelsOfCalls(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	ctx := within(t)
	for _, w := range []quorum.Level{2, 3} {
		if r, err := table.Put(ctx, "key", "value", quorum.W(w)); err != nil || r.Acked < int(w) {
			t.Errorf("W=%d: %+v %v", w, r, err)
		}
	}
	for _, r := range []quorum.Level{1, 2, 3, quorum.One, quorum.Quorum, quorum.All, quorum.LocalOne, quorum.LocalQuorum} {
		expect(t, table, "key", "value", quorum.R(r))
	}
	put(t, table, "key", "two", quorum.R(1), quorum.W(2), quorum.W(3)) // the last one counts
	impossible := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, quorum.ErrLevel) || !strings.Contains(err.Error(), "N=3 W=2 R=2") || gossip.Outcome(err) != quorum.NotApplied {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, w := range []quorum.Level{-5, 0, 1, 4, quorum.One, quorum.LocalOne, quorum.LocalQuorum} { // 1 is below the table's
		_, err := table.Put(ctx, "key", "never", quorum.W(w))
		impossible(fmt.Sprint("Put W=", w), err)
		_, err = table.Delete(ctx, "key", quorum.W(w))
		impossible(fmt.Sprint("Delete W=", w), err)
		_, err = table.Expire(ctx, "key", time.Time{}, quorum.W(w))
		impossible(fmt.Sprint("Expire W=", w), err)
	}
	for _, r := range []quorum.Level{-5, 0, 4} {
		_, _, err := table.Get(ctx, "key", quorum.R(r))
		impossible(fmt.Sprint("Get R=", r), err)
		_, _, err = table.Scan(ctx, 0, 1, quorum.R(r))
		impossible(fmt.Sprint("Scan R=", r), err)
		_, err = table.Len(ctx, quorum.R(r))
		impossible(fmt.Sprint("Len R=", r), err)
	}
	expect(t, table, "key", "two", quorum.R(3))
}

// mismatch wants a refusal that tells both specifications.
func mismatch(t *testing.T, err error, says ...string) {
	t.Helper()
	if !errors.Is(err, gossip.ErrTableMismatch) || gossip.Outcome(err) != quorum.NotApplied {
		t.Errorf("%v", err)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

func TestTableMismatch(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 10)
	ours := "sessions(type register(string)/1, ring, N 3, W 2, 256 partitions)"
	for _, n := range nodes { // the creator too
		_, err := gossip.Ring(n, "sessions", gossip.Registers[int](), three)
		mismatch(t, err, ours, "sessions(type register(int64)/1, ring, N 3, W 2, 256 partitions)")
		_, err = gossip.Ring(n, "sessions", gossip.Registers[string](), quorum.NWR{N: 5, W: 2, R: 2})
		mismatch(t, err, ours, "N 5")
		_, err = gossip.Ring(n, "sessions", gossip.Registers[string](), quorum.NWR{N: 3, W: 3, R: 2})
		mismatch(t, err, ours, "W 3")
		_, err = gossip.Ring(n, "sessions", gossip.Registers[string](), three, gossip.Partitions(64))
		mismatch(t, err, ours, "64 partitions")
	}
	// R is each one's own.
	third, err := gossip.Ring(nodes[2], "sessions", gossip.Registers[string](), quorum.NWR{N: 3, W: 2, R: 3})
	if err != nil {
		t.Fatal(err)
	}
	expectAll(t, third, keys)
	if d := cmp.Diff([]string{ours}, specs(nodes[1])); d != "" {
		t.Error(d)
	}
}

func specs(n *gossip.Node) (s []string) {
	for _, info := range n.Tables() {
		s = append(s, info.Table.String())
	}
	return s
}

// Two nodes that create a table at the same time agree on the one that came
// first; the other one hears of it, at the latest with its next operation.
func TestTablesCreatedAtOnce(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	for i := range 10 {
		name := fmt.Sprint("table-", i)
		var tables [2]*gossip.RegisterTable[string]
		var errs [2]error
		var g sync.WaitGroup
		for j := range tables {
			nwr, partitions := quorum.NWR{N: 3, W: quorum.Level(2 + j), R: 2}, gossip.Partitions(64<<(i%2*j)) // W, or both, are different
			g.Go(func() {
				if tables[j], errs[j] = gossip.Ring(nodes[j], name, gossip.Registers[string](), nwr, partitions); errs[j] == nil {
					_, _ = tables[j].Put(within(t), "early", "value") // perhaps into a table that will never have been
				}
			})
		}
		g.Wait()
		ready(t, nodes...)
		if d := cmp.Diff(specs(nodes[0]), specs(nodes[1])); d != "" {
			t.Fatalf("catalogs differ: %s", d)
		}
		won := int(nodes[2].Tables()[i].W) - 2
		for j := range tables {
			if errs[j] == nil {
				_, errs[j] = tables[j].Put(within(t), "key", "value")
			}
			if j != won {
				mismatch(t, errs[j], "W 2", "W 3")
			} else if errs[j] != nil {
				t.Errorf("%s: %v", name, errs[j])
			}
		}
	}
}

func TestSameTableCreatedAtOnce(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 5)
	tables := make([]*gossip.RegisterTable[string], len(nodes))
	var g sync.WaitGroup
	for i, n := range nodes {
		g.Go(func() {
			tables[i] = open(t, n)
			put(t, tables[i], "key-"+string(n.ID()), "value")
		})
	}
	g.Wait()
	ready(t, nodes...)
	for _, table := range tables {
		for _, n := range nodes {
			expect(t, table, "key-"+string(n.ID()), "value")
		}
	}
	settled(t, nodes...)
}

// A table that one node has opened is served by all, and may be opened by the
// others when they like.
func TestTableOpenedLate(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 5)
	keys := fill(t, open(t, nodes[0]), 200)
	ready(t, nodes...)
	settled(t, nodes...)
	held := make(map[peer.ID]int)
	for _, n := range nodes {
		held[n.ID()] = len(dump(t, n))
		if info := n.Tables()[0]; !info.Open || info.Name != "sessions" || info.Live != held[n.ID()] || info.N != 3 {
			t.Errorf("%s has %+v", n.ID(), info)
		}
	}
	sum := 0
	for id, c := range held {
		if sum += c; c == 0 {
			t.Errorf("%s holds nothing", id)
		}
	}
	if sum != 3*len(keys) {
		t.Errorf("%d copies of %d keys", sum, len(keys))
	}
	late := open(t, nodes[4])
	if s := nodes[4].Status(); !s.Synced {
		t.Errorf("opening made it unsynced: %+v", s)
	}
	expectAll(t, late, keys, quorum.R(3))
	newcomer := start(t, config(t, 5, nodes))
	all := append(nodes, newcomer)
	ready(t, all...)
	expectAll(t, open(t, newcomer), keys, quorum.R(3))
	settled(t, all...)
}

func TestPartitions(t *testing.T) {
	t.Parallel()
	for _, p := range []int{1, 1024} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			t.Parallel()
			nodes := cluster(t, 3)
			table := open(t, nodes[0], gossip.Partitions(p))
			ready(t, nodes...)
			keys := fill(t, table, 100)
			expectAll(t, open(t, nodes[1], gossip.Partitions(p)), keys)
			if n, err := table.Len(within(t)); n != 100 || err != nil {
				t.Errorf("%d keys, %v", n, err)
			}
			if got := nodes[2].Tables()[0].Partitions; got != uint32(p) {
				t.Errorf("%d partitions", got)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 5)
	if err := nodes[0].Dump("sessions", nil); !errors.Is(err, gossip.ErrNotReady) {
		t.Errorf("Dump of no table: %v", err)
	}
	if o := nodes[0].Owners("sessions", "key"); o != nil {
		t.Errorf("owners of no table: %v", o)
	}
	table := open(t, nodes[0])
	ready(t, nodes...)
	keys := fill(t, table, 200)
	settled(t, nodes...)
	for _, n := range nodes {
		last := gossip.LocalState{Partition: -1}
		seen := 0
		err := n.Dump("sessions", func(s gossip.LocalState) error {
			if s.Partition < last.Partition || s.Partition == last.Partition && s.Key <= last.Key {
				t.Errorf("%s: %d/%s after %d/%s", n.ID(), s.Partition, s.Key, last.Partition, last.Key)
			}
			if !slices.Contains(n.Owners("sessions", s.Key), n.ID()) {
				t.Errorf("%s keeps %s and does not own it", n.ID(), s.Key)
			}
			if len(s.State) == 0 || !strings.Contains(string(s.State), valueOf(s.Key)) {
				t.Errorf("state of %s: %q", s.Key, s.State)
			}
			last = s
			seen++
			return nil
		})
		if err != nil || seen == 0 {
			t.Errorf("%s: %d %v", n.ID(), seen, err)
		}
	}
	stop := errors.New("enough")
	if err := nodes[0].Dump("sessions", func(gossip.LocalState) error { return stop }); err != stop {
		t.Errorf("visit's error: %v", err)
	}
	for _, key := range keys {
		owners := nodes[0].Owners("sessions", key)
		if d := cmp.Diff(owners, nodes[4].Owners("sessions", key)); d != "" || len(owners) != 3 {
			t.Errorf("owners of %s: %v %s", key, owners, d)
		}
	}
}
