package gossip

import "github.com/grapevine-go/grapevine/transport"

// SetFaults gives the data plane faults, such as another way to connect.
func (c *Config) SetFaults(faults func(*transport.Config)) { c.faults = faults }

// SharedReads is how many reads of a table's node shared others' reads.
func SharedReads[T any](r *RegisterTable[T]) uint64 { return r.t.n.metrics.coalesced.Load() }

// HotKeys is how many keys of a table are taken for being read.
func HotKeys[T any](r *RegisterTable[T]) int {
	r.t.hot.mu.Lock()
	defer r.t.hot.mu.Unlock()
	return len(r.t.hot.keys)
}
