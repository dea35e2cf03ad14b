package ring

import (
	buraksezer "github.com/buraksezer/consistent"
	"github.com/cespare/xxhash/v2"
	jump "github.com/dgryski/go-jump"
	rendezvous "github.com/dgryski/go-rendezvous"
	"github.com/golang/groupcache/consistenthash"
	"github.com/serialx/hashring"
	"stathat.com/c/consistent"

	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
)

// contender is something that maps keys to members.
type contender struct {
	name  string
	floor bool // what a look-up cannot be faster than: no ring
	build func(members []string) built
}

// built is a contender's ring. What it cannot do is nil.
type built struct {
	primary     func(key string) int      // asks for one owner, in the cheapest form that the ring has
	several     func(key string) int      // asks for three
	owners      func(key string) []string // as many as the ring can tell
	table       func() [][]string         // the owners of each partition, where there are partitions
	add, remove func(member string)       // where that is cheaper than to build anew
}

func contenders(s setting) []contender {
	return append([]contender{
		{name: "hash of the key alone", floor: true, build: func([]string) built {
			return built{primary: func(key string) int { return int(ring.Hash(key)) }}
		}},
		{name: "jump hash, 16 members", floor: true, build: func([]string) built {
			return built{primary: func(key string) int { return int(jump.Hash(xxhash.Sum64String(key), 16)) }}
		}},
		{name: "grapevine", build: func(m []string) built { return grapevine(m, s) }},
		{name: "dgryski/go-jump", build: jumpHash},
		{name: "dgryski/go-rendezvous", build: rendezvousHash},
		{name: "golang/groupcache, xxhash", build: func(m []string) built { return groupcache(m, s) }},
		{name: "serialx/hashring", build: func(m []string) built { return serialx(m, s) }},
		{name: "stathat/consistent", build: func(m []string) built { return stathat(m, s) }},
		{name: "buraksezer/consistent", build: func(m []string) built { return bounded(m, s) }},
	}, designs(s)...)
}

func grapevine(members []string, s setting) built {
	nodes := make([]ring.Node, len(members))
	for i, m := range members {
		nodes[i].ID = peer.ID(m)
	}
	p := ring.Place(nodes, s.Partitions, owners)
	return built{
		primary: func(key string) int { return int(p.Owners(ring.Partition(ring.Hash(key), s.Partitions))[0]) },
		several: func(key string) int {
			o := p.Owners(ring.Partition(ring.Hash(key), s.Partitions))
			return int(o[0]) + int(o[len(o)-1])
		},
		table: func() [][]string {
			return named(s.Partitions, p.Owners, func(i uint16) string { return string(p.Nodes()[i].ID) })
		},
	}
}

func jumpHash(members []string) built {
	n := len(members)
	return built{
		primary: func(key string) int { return int(jump.Hash(xxhash.Sum64String(key), n)) },
		owners:  func(key string) []string { i := jump.Hash(xxhash.Sum64String(key), n); return members[i : i+1] },
	}
}

func rendezvousHash(members []string) built {
	r := rendezvous.New(members, xxhash.Sum64String)
	return single(r.Lookup)
}

func groupcache(members []string, s setting) built {
	m := consistenthash.New(s.Tokens, func(p []byte) uint32 { return uint32(xxhash.Sum64(p)) })
	m.Add(members...)
	return single(m.Get)
}

// serialx takes the tokens as weights.
func serialx(members []string, s setting) built {
	weights := make(map[string]int)
	for _, m := range members {
		weights[m] = s.Tokens
	}
	r := hashring.NewWithWeights(weights)
	b := single(func(key string) string { n, _ := r.GetNode(key); return n })
	return b.with(func(key string) []string { n, _ := r.GetNodes(key, min(owners, len(members))); return n })
}

func stathat(members []string, s setting) built {
	c := consistent.New()
	c.NumberOfReplicas = s.Tokens
	c.Set(members)
	b := single(func(key string) string { m, _ := c.Get(key); return m })
	b.add, b.remove = c.Add, c.Remove
	return b.with(func(key string) []string { m, _ := c.GetN(key, owners); return m })
}

type member string

func (m member) String() string { return string(m) }

type hasher struct{}

func (hasher) Sum64(p []byte) uint64 { return xxhash.Sum64(p) }

func bounded(members []string, s setting) built {
	list := make([]buraksezer.Member, len(members))
	for i, m := range members {
		list[i] = member(m)
	}
	c := buraksezer.New(list, buraksezer.Config{Hasher: hasher{}, PartitionCount: s.Partitions, ReplicationFactor: s.Tokens, Load: buraksezer.DefaultLoad})
	b := single(func(key string) string { return c.LocateKey([]byte(key)).String() })
	return b.with(func(key string) []string {
		closest, _ := c.GetClosestN([]byte(key), min(owners, len(members)-1))
		names := make([]string, len(closest))
		for i, m := range closest {
			names[i] = m.String()
		}
		return names
	})
}

// single is a ring that knows one owner of a key.
func single(get func(key string) string) built {
	return built{
		primary: func(key string) int { return len(get(key)) },
		owners:  func(key string) []string { return []string{get(key)} },
	}
}

// with adds how the ring tells several owners.
func (b built) with(several func(key string) []string) built {
	b.owners, b.several = several, func(key string) int { return len(several(key)) }
	return b
}

// named turns a table of indexes into one of names.
func named(partitions int, owners func(partition int) []uint16, name func(i uint16) string) [][]string {
	all := make([][]string, partitions)
	for p := range all {
		for _, o := range owners(p) {
			all[p] = append(all[p], name(o))
		}
	}
	return all
}
