package main

import (
	"context"

	"github.com/grapevine-go/grapevine/gossip"
)

// Flags are the feature flags of a cluster, as one node has them: all of them.
type Flags struct {
	table *gossip.RegisterTable[bool]
}

// Open opens the flags at a node and returns when the node has them.
func Open(ctx context.Context, node *gossip.Node) (*Flags, error) {
	table, err := gossip.Everywhere(node, "flags", gossip.Registers[bool]())
	if err != nil {
		return nil, err
	}
	return &Flags{table}, node.WaitReady(ctx)
}

// On reports whether a flag is on. It asks nobody; a flag that cannot be read is
// off, as one that was never set.
func (f *Flags) On(ctx context.Context, name string) bool {
	on, _, err := f.table.Get(ctx, name)
	return err == nil && on
}

// Set turns a flag on or off, here at once and everywhere soon.
func (f *Flags) Set(ctx context.Context, name string, on bool) error {
	_, err := f.table.Put(ctx, name, on)
	return err
}

// Follow calls changed for each flag that there is and for each that changes,
// until ctx ends or the node stops.
func (f *Flags) Follow(ctx context.Context, changed func(name string, on bool)) {
	for c := range f.table.Watch(ctx, "") {
		if c.Err == nil && !c.Resync {
			changed(c.Key, c.Value)
		}
	}
}
