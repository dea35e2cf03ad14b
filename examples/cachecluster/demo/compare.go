package demo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/examples/cachecluster/node"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/peer"
)

// agreement is what comparing all nodes found.
type agreement struct {
	keys   int
	copies int
	bytes  int64 // of all copies, as they are encoded
}

// compareAll compares what the nodes keep until all owners agree, which they
// must do in a short time: what a write did not bring to its third owner, the
// comparison of partitions does.
func (c *cluster) compareAll(ctx context.Context, files []file) (agreement, error) {
	ctx, cancel := context.WithTimeout(ctx, agreeTimeout)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		a, err := compare(c.nodes)
		if err == nil && a.keys != len(files) {
			return a, fmt.Errorf("the nodes agree on %d keys, but %d files were stored", a.keys, len(files))
		}
		if err == nil {
			c.say("compared byte by byte: %d keys in %d copies, %s; all owners agree", a.keys, a.copies, size(a.bytes))
			return a, nil
		}
		c.say("  not yet equal: %v", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return a, errors.Join(err, ctx.Err())
		}
	}
}

// copyOf is a key as one node keeps it.
type copyOf struct {
	at peer.ID
	gossip.LocalState
}

// head is the next key of a node.
type head struct {
	copyOf
	next func() (copyOf, error, bool)
}

// compare goes through all nodes' local states at the same time, in their
// common order. Every key must be at its owners and nowhere else, in the same
// bytes.
func compare(nodes []*node.Node) (a agreement, err error) {
	var heads []*head
	for _, n := range nodes {
		next, stop := iter.Pull2(dump(n))
		defer stop()
		heads = append(heads, &head{next: next})
	}
	heads, err = advance(heads, heads)
	for len(heads) > 0 && err == nil {
		first := slices.MinFunc(heads, func(x, y *head) int { return x.compare(y) })
		var same []*head
		for _, h := range heads {
			if h.compare(first) == 0 {
				same = append(same, h)
				a.bytes += int64(len(h.State))
			}
		}
		if err := agree(nodes[0].Gossip().Owners(node.TableName, first.Key), same); err != nil {
			return a, err
		}
		a.keys++
		a.copies += len(same)
		heads, err = advance(heads, same)
	}
	return a, err
}

func (h *head) compare(o *head) int {
	return cmp.Or(cmp.Compare(h.Partition, o.Partition), cmp.Compare(h.Key, o.Key))
}

// dump is a node's local states, in order of partition and key.
func dump(n *node.Node) iter.Seq2[copyOf, error] {
	return func(yield func(copyOf, error) bool) {
		stopped := errors.New("stopped")
		err := n.Gossip().Dump(node.TableName, func(s gossip.LocalState) error {
			if !yield(copyOf{n.Gossip().ID(), s}, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, stopped) {
			yield(copyOf{}, err)
		}
	}
}

// advance moves some of the heads to their next keys and leaves out those that
// are at their end.
func advance(heads, some []*head) ([]*head, error) {
	ended := make(map[*head]bool)
	for _, h := range some {
		c, err, ok := h.next()
		if err != nil {
			return nil, err
		}
		h.copyOf, ended[h] = c, !ok
	}
	return slices.DeleteFunc(slices.Clone(heads), func(h *head) bool { return ended[h] }), nil
}

// agree checks the copies of one key.
func agree(owners []peer.ID, copies []*head) error {
	key := copies[0].Key
	var holders []peer.ID
	for _, h := range copies {
		holders = append(holders, h.at)
		if !bytes.Equal(h.State, copies[0].State) {
			return fmt.Errorf("%q differs at %s and %s", key, copies[0].at, h.at)
		}
	}
	slices.Sort(owners)
	slices.Sort(holders)
	if !slices.Equal(owners, holders) {
		return fmt.Errorf("%q is owned by %v and kept by %v", key, owners, holders)
	}
	return nil
}
