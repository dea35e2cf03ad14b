package replica

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
)

// bundled begins calls at a, batches what they send b, and returns them with
// which target b is to each; the rest is not sent.
func (h *hand) bundled(n int, begin func(c *Call, key string) uint32) (b *Batch, calls []*Call, at []int) {
	b = new(Batch)
	for k := range n {
		c := new(Call)
		for m := begin(c, fmt.Sprint("key ", k)); m != 0; m &= m - 1 {
			if i := bits.TrailingZeros32(m); c.Op.Targets[i].ID == "b" && b.Add(c, i, h.now) {
				calls, at = append(calls, c), append(at, i)
			}
		}
	}
	return b, calls, at
}

func (h *hand) write(value string) func(c *Call, key string) uint32 {
	a := h.nodes["a"]
	return func(c *Call, key string) uint32 {
		cell := crdt.Put(a.Stamp(h.now), []byte(value), 0)
		return c.Write(a.Replica, h.now, h.now.Add(time.Second), spec.Name, key, cell.AppendBinary(nil), 2)
	}
}

func (h *hand) read(c *Call, key string) uint32 {
	return c.Read(h.nodes["a"].Replica, h.now, h.now.Add(time.Second), time.Hour, spec.Name, key, 3)
}

// TestBatch: each call gets its own reply; one that is refused does not touch the
// others.
func TestBatch(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	b, writes, at := h.bundled(20, h.write("value"))
	if b.Calls != 20 || b.To != "b" {
		t.Fatalf("%d calls to %s", b.Calls, b.To)
	}
	split := func(b *Batch, calls []*Call, at []int, reply []byte) (alone int) {
		b.Split(reply, func(i int, reply []byte) {
			if len(reply) == 0 {
				alone++
				return
			}
			calls[i].Reply(h.now, calls[i].Token(at[i]), reply, nil, false, nil)
		})
		return alone
	}
	if n := split(b, writes, at, h.nodes["b"].Serve(h.now, b.Msg(), nil)); n != 0 || len(h.nodes["b"].holds()) != 20 {
		t.Errorf("%d requests had no room, b holds %v", n, h.nodes["b"].holds())
	}
	for _, c := range writes {
		if c.Op.Acked() != 1 { // b's: nobody has served the others
			t.Errorf("%s: %d acknowledgements", c.Key(), c.Op.Acked())
		}
	}
	b, reads, at := h.bundled(20, h.read)
	split(b, reads, at, h.nodes["b"].Serve(h.now, b.Msg(), nil))
	if b.Calls != 20 {
		t.Errorf("%d reads are batched", b.Calls)
	}
	for _, c := range reads {
		cell := c.Cell()
		if v, _ := cell.Get(0); string(v) != "value" {
			t.Errorf("%s is %q", c.Key(), v)
		}
	}
	b, writes, at = h.bundled(3, func(c *Call, key string) uint32 {
		if key == "key 1" {
			cell := crdt.Put(crdt.Stamp{Time: crdt.TimeOf(h.now.Add(48 * time.Hour))}, nil, 0)
			return c.Write(h.nodes["a"].Replica, h.now, h.now.Add(time.Second), spec.Name, key, cell.AppendBinary(nil), 3)
		}
		return h.write("after")(c, key)
	})
	split(b, writes, at, h.nodes["b"].Serve(h.now, b.Msg(), nil))
	for i, c := range writes {
		if got := c.Op.Acked(); got != map[bool]int{true: 0, false: 1}[i == 1] {
			t.Errorf("%s: %d acknowledgements", c.Key(), got)
		}
	}
}

// TestBatchRefused: what refuses the batch, or cannot be understood, is the reply
// to each call.
func TestBatchRefused(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	for name, reply := range map[string]func(b *Batch) []byte{
		"another boot": func(b *Batch) []byte {
			b.boot[0]++
			return h.nodes["b"].Serve(h.now, b.Msg(), nil)
		},
		"nothing":  func(b *Batch) []byte { return nil },
		"too few":  func(b *Batch) []byte { return wire.BeginBatch(nil, &wire.ReplyHeader{}, 0) },
		"rubbish":  func(b *Batch) []byte { return []byte("rubbish") },
		"a single": func(b *Batch) []byte { return wire.AppendAck(nil, &wire.ReplyHeader{}, crdt.Joined{}) },
	} {
		b, calls, at := h.bundled(3, h.write("value"))
		n := 0
		b.Split(reply(b), func(i int, reply []byte) {
			n++
			calls[i].Reply(h.now, calls[i].Token(at[i]), reply, nil, false, nil)
			if calls[i].Op.Acked() != 0 || calls[i].Op.Pending(at[i]) {
				t.Errorf("%s: %d acknowledgements, waiting: %v", name, calls[i].Op.Acked(), calls[i].Op.Pending(at[i]))
			}
		})
		if n != 3 {
			t.Errorf("%s: a reply to %d calls of three", name, n)
		}
	}
	if held := h.nodes["b"].holds(); len(held) != 0 {
		t.Errorf("b holds %v", held)
	}
}

// TestBatchBounds: a batch ends at its keys and bytes, its reply at as many bytes,
// and what is too large goes alone from the beginning.
func TestBatchBounds(t *testing.T) {
	h := newCluster(t, spec, Rules{}, "a", "b", "c")
	if b, _, _ := h.bundled(MaxBatch+10, h.write("")); b.Calls != MaxBatch {
		t.Errorf("%d keys in one batch", b.Calls)
	}
	large := strings.Repeat("x", maxBatchBytes/5)
	b, _, _ := h.bundled(10, h.write(large))
	if b.Calls != 4 || len(b.Msg()) > maxBatchBytes+1<<10 {
		t.Errorf("%d keys of %d bytes in one batch of %d", b.Calls, len(large), len(b.Msg()))
	}
	if b, _, _ := h.bundled(1, h.write(large+large)); b.Calls != 0 {
		t.Error("a large value is batched")
	}
	for k := range 10 {
		h.nodes["b"].put(fmt.Sprint("key ", k), large, 1)
	}
	b, _, _ = h.bundled(10, h.read)
	reply := h.nodes["b"].Serve(h.now, b.Msg(), nil)
	served, alone := 0, 0
	b.Split(reply, func(_ int, reply []byte) {
		if served++; len(reply) == 0 {
			alone++
		}
	})
	if served != 10 || alone != 5 || len(reply) > maxBatchBytes+len(large)+1<<10 {
		t.Errorf("a reply of %d bytes has no room for %d of %d", len(reply), alone, served)
	}
}
