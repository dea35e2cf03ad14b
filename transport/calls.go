package transport

// CallID names a call for [Peer.Cancel], for as long as the process runs. The
// zero CallID names none.
type CallID struct {
	link *link
	id   uint64
}

// maxCalls bounds the calls in flight on one connection.
const maxCalls = 1 << slotBits

const slotBits = 16

// call is a request that has not been answered.
type call struct {
	id       uint64 // also the stream; 0: the slot is free
	done     Completion
	token    uint64
	begun    int64
	deadline int64
	size     int
	class    Class
	at       int64     // where its frame lies in its queue
	out      *outgoing // its request, if that is large
	in       *assembly // its reply, if that is large
}

// arrived reports whether any of the request may have left this node.
func (c *call) arrived(o *outbox) bool {
	if c.out != nil {
		return c.out.opened
	}
	return c.at < o.queues[c.class].taken
}

// callTable holds the calls in flight. An id is a sequence number, never used
// twice, over the slot: a late answer finds another id in its slot and is
// dropped, for 48 bits of sequence never wrap.
type callTable struct {
	slots []call
	free  []uint16
	seq   uint64
	n     int
}

// add enters a call and gives it its id, or 0 when the table is full.
func (t *callTable) add(c call) uint64 {
	slot := len(t.slots)
	switch {
	case len(t.free) > 0:
		slot = int(t.free[len(t.free)-1])
		t.free = t.free[:len(t.free)-1]
	case slot == maxCalls:
		return 0
	default:
		t.slots = append(t.slots, call{})
	}
	t.seq++
	t.n++
	c.id = t.seq<<slotBits | uint64(slot)
	t.slots[slot] = c
	return c.id
}

// find returns the call with this id, or nil; the pointer is valid until the
// next add.
func (t *callTable) find(id uint64) *call {
	slot := int(id & (maxCalls - 1))
	if id == 0 || slot >= len(t.slots) || t.slots[slot].id != id {
		return nil
	}
	return &t.slots[slot]
}

// take removes a call: who takes it completes it.
func (t *callTable) take(id uint64) (call, bool) {
	c := t.find(id)
	if c == nil {
		return call{}, false
	}
	taken := *c
	*c = call{}
	t.free = append(t.free, uint16(id&(maxCalls-1)))
	t.n--
	return taken, true
}
