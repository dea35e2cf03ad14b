package replica

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/rumor"
	"github.com/grapevine-go/grapevine/store"
)

// View is what a replica knows at one moment: the ring state, who is believed
// dead, and the tables. It is immutable but for the data behind the tables.
type View struct {
	State *ring.State
	Boot  peer.Boot // this node's
	Self  int       // index of this node among the members; -1: it is not one

	version uint64
	actor   crdt.Actor
	down    []bool         // by member
	zones   []uint8        // by member: numbers that tell zones apart
	speeds  []*speed       // by member
	others  *rumor.Members // whom rumors are told to
	byHash  map[uint64]*Table
	byName  map[string]*Table
	ended   error
}

// Table is a table of the catalog as one view has it.
type Table struct {
	Spec   ring.Table
	Hash   uint64
	Layout *ring.Layout
	Data   *Data // nil: its type is the application's own, and not opened here
}

// Data is a table's data on this node. It lives as long as the replica.
type Data struct {
	*store.Table
	typ    Type
	synced []atomic.Bool // by partition

	registers bool // the states are registers

	recent recent // what was written a short while ago

	watches atomic.Pointer[[]*Watch]
}

// Join is store.Table.Join, and tells the watches what it changed.
func (d *Data) Join(hash uint64, key, delta []byte) (crdt.Joined, error) {
	j, err := d.Table.Join(hash, key, delta)
	if j.Changed {
		d.changed(key)
	}
	return j, err
}

func newData(spec ring.Table, typ Type) *Data {
	d := &Data{
		Table:  store.NewTable(int(spec.Partitions), spec.Key, typ.New),
		typ:    typ,
		synced: make([]atomic.Bool, spec.Partitions),
	}
	_, d.registers = typ.New().(*crdt.Packed)
	d.recent.init()
	return d
}

// Synced reports whether the data of a partition is complete.
func (d *Data) Synced(partition int) bool { return d.synced[partition].Load() }

// newView builds the view of a ring state. It is called under the replica's
// lock, or before anybody else knows the replica.
func newView(r *Replica, s *ring.State) *View {
	v := &View{State: s, Self: -1, version: s.Version(), ended: r.ended,
		byHash: make(map[uint64]*Table), byName: make(map[string]*Table)}
	v.Boot = peer.Boot{Nonce: r.cfg.Nonce}
	if i, ok := s.Index(r.cfg.ID); ok && s.Members()[i].Boot.Nonce == r.cfg.Nonce {
		v.Self, v.Boot = i, s.Members()[i].Boot
	}
	v.actor = crdt.Actor(peer.NewActor(r.cfg.ID, v.Boot))
	layouts := make(map[[2]int]*ring.Layout)
	for _, spec := range s.Tables() {
		t := &Table{Spec: spec, Hash: spec.Hash(), Data: r.data[spec.Name]}
		shape := [2]int{int(spec.N), int(spec.Partitions)} // N is 0 for those that are everywhere
		if layouts[shape] == nil {
			layouts[shape] = layout(s, spec)
		}
		t.Layout = layouts[shape]
		v.byHash[t.Hash], v.byName[spec.Name] = t, t
	}
	v.down, v.zones = r.downs(s.Members()), zonesOf(s.Members())
	v.others, v.speeds = othersOf(v), r.speedsOf(s.Members())
	return v
}

func layout(s *ring.State, spec ring.Table) *ring.Layout {
	if spec.Kind == ring.Everywhere {
		return ring.NewEverywhere(s, int(spec.Partitions))
	}
	return ring.NewLayout(s, int(spec.N), int(spec.Partitions))
}

// zonesOf numbers the zones of the members; of more than 256 some share one.
func zonesOf(members []ring.Member) []uint8 {
	numbers, zones := make(map[string]uint8), make([]uint8, len(members))
	for i, m := range members {
		if _, known := numbers[m.Zone]; !known {
			numbers[m.Zone] = uint8(len(numbers))
		}
		zones[i] = numbers[m.Zone]
	}
	return zones
}

// speedsOf gives the members' speeds. Those of who has gone are forgotten.
func (r *Replica) speedsOf(members []ring.Member) []*speed {
	kept, speeds := make(map[peer.ID]*speed, len(members)), make([]*speed, len(members))
	for i, m := range members {
		p := r.speeds[m.ID]
		if p == nil {
			p = new(speed)
		}
		kept[m.ID], speeds[i] = p, p
	}
	r.speeds = kept
	return speeds
}

// withVerdicts returns the view with the present verdicts.
func (v *View) withVerdicts(r *Replica) *View {
	c := *v
	c.down = r.downs(v.State.Members())
	c.others = othersOf(&c)
	c.ended = r.ended
	return &c
}

// downs tells of each member whether membership believes its present boot dead
// or knows nothing of the member. What it believes of another boot says nothing:
// that a node is back is often heard through the ring first.
func (r *Replica) downs(members []ring.Member) []bool {
	down := make([]bool, len(members))
	for i, m := range members {
		verdict, known := r.verdicts[m.ID]
		down[i] = m.ID != r.cfg.ID && (!known || !verdict.alive && verdict.nonce == m.Boot.Nonce)
	}
	return down
}

// Version returns the version of the ring state.
func (v *View) Version() uint64 { return v.version }

// Table returns a table of the catalog, nil if there is none of that name.
func (v *View) Table(name string) *Table { return v.byName[name] }

// Status returns this node's status; false while it is not a member.
func (v *View) Status() (ring.Status, bool) {
	if v.Self < 0 {
		return 0, false
	}
	return v.State.Members()[v.Self].Status, true
}

// Down reports whether membership believes the member dead.
func (v *View) Down(member int) bool { return v.down[member] }

// reachable reports whether there is such a member, believed alive.
func (v *View) reachable(id peer.ID) bool {
	i, ok := v.State.Index(id)
	return ok && !v.down[i]
}

// owns reports whether this node is an owner of the partition, in the current
// or the next placement.
func (v *View) owns(t *Table, partition int) bool {
	for _, o := range t.Layout.Targets(partition) {
		if int(o.Member) == v.Self {
			return true
		}
	}
	return false
}

// targets appends the replicas of a partition, this node first: what is here
// costs no message. Of a table that every member holds it is this node alone.
func (v *View) targets(dst []quorum.Target, t *Table, partition int) []quorum.Target {
	members := v.State.Members()
	if t.Spec.Kind == ring.Everywhere {
		return append(dst, quorum.Target{ID: members[v.Self].ID, Nonce: v.Boot.Nonce, Current: true, Next: true})
	}
	for _, o := range t.Layout.Targets(partition) {
		m := &members[o.Member]
		dst = append(dst, quorum.Target{ID: m.ID, Nonce: m.Boot.Nonce, Current: o.Current, Next: o.Next, Down: v.down[o.Member],
			Local: v.Self >= 0 && v.zones[o.Member] == v.zones[v.Self], Zone: v.zones[o.Member], Member: o.Member})
		if int(o.Member) == v.Self {
			last := len(dst) - 1
			dst[0], dst[last] = dst[last], dst[0]
		}
	}
	return dst
}

// compared returns the tables that are compared with others', by name.
func (v *View) compared() (tables []*Table) {
	for _, name := range slices.Sorted(maps.Keys(v.byName)) {
		if t := v.byName[name]; t.Data != nil && t.Layout != nil && v.Self >= 0 {
			tables = append(tables, t)
		}
	}
	return tables
}

// member returns the index of the member with that boot; -1 if there is none.
func (v *View) member(nonce uint64) int {
	return slices.IndexFunc(v.State.Members(), func(m ring.Member) bool { return m.Boot.Nonce == nonce })
}

// sharesAny reports whether this node and a member both own a partition.
func (v *View) sharesAny(t *Table, member int) bool {
	for p := range t.Layout.Partitions() {
		if v.owns(t, p) && v.shares(t, p, member) {
			return true
		}
	}
	return false
}

// shares reports whether the member is an owner of the partition.
func (v *View) shares(t *Table, p, member int) bool {
	return slices.ContainsFunc(t.Layout.Targets(p), func(o ring.Target) bool { return int(o.Member) == member })
}
