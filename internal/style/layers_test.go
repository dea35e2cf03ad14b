package style

// A layer is a package of the library and what it may lean on.
type layer struct {
	dir     string   // below the root; with "/..." all below it too
	imports []string // what it may import of the library, in the same notation
	why     string   // why it imports no more
	bans    []group  // what its code must not do; see bans in purity_test.go
}

// core is what the decisions of the library are made of: machines that take
// inputs as calls and give their outputs as values, so that one seed replays
// one history, in a test, in a simulator and in a browser.
var core = []group{inputOutput, clock, chance, locks, goroutines}

// layers says who may import whom. The rule for a whole folder comes after the
// rules for what lies in it; the first that matches counts.
var layers = []layer{
	// Level 0: what everything else is said in.
	{
		dir: "peer", bans: core,
		why: "it is a leaf: everybody names members, so it depends on nobody",
	},
	{
		dir: "crdt", bans: core,
		why: "its values are of use without a cluster; who writes is a number it is given",
	},
	{
		dir: "crdt/crdttest", imports: []string{"crdt"},
		why: "it checks the laws of anybody's type, also of one that never meets a node",
	},
	{
		dir: "merkle", imports: []string{"crdt"}, bans: core,
		why: "it sums fingerprints; who owns the keys and who compares is decided above it",
	},
	{
		dir: "ring", imports: []string{"peer", "crdt"}, bans: core,
		why: "the owners are a pure function of the ring state, never of liveness or of stored data",
	},

	// Level 1: protocols and tables, each of use without the others.
	{
		dir: "rumor", imports: []string{"peer"}, bans: core,
		why: "a rumor's payload is opaque: it spreads bytes and knows no table",
	},
	{
		dir: "antientropy", imports: []string{"peer", "merkle", "crdt"}, bans: core,
		why: "it reads data through its own small interface, so that any store can be synchronised",
	},
	{
		dir: "store", imports: []string{"peer", "crdt", "merkle"}, bans: []group{inputOutput, clock, chance, goroutines},
		why: "it keeps what it is told to join; where a delta came from and where it goes is not its concern",
	},
	{
		dir: "internal/wire", imports: []string{"peer", "crdt", "ring", "rumor"}, bans: []group{inputOutput, clock, chance, goroutines},
		why: "it turns messages into bytes and back; it decides nothing about them",
	},
	{
		dir: "quorum/session", imports: []string{"crdt"}, bans: []group{inputOutput, clock, chance, goroutines},
		why: "a client's goroutines share a session, so it has a lock; what it asks of a read is for others to carry out",
	},
	{
		dir: "quorum", imports: []string{"peer", "crdt", "ring", "internal/wire", "quorum/session"}, bans: core,
		why: "an operation says whom to ask and what counts; it neither sends nor stores",
	},
	{
		dir: "quorum/hint", imports: []string{"peer"}, bans: core,
		why: "it keeps deltas for targets and reads none of them; when to send them is decided above it",
	},
	{
		dir: "quorum/admit", bans: core,
		why: "it turns measurements into a limit; what is limited and who measures is not its concern",
	},
	{
		dir: "quorum/pbs", imports: []string{"quorum"}, bans: core,
		why: "it predicts what a choice of levels gives, from delays that it is told",
	},
	{
		dir:     "internal/replica",
		imports: []string{"peer", "crdt", "merkle", "ring", "rumor", "antientropy", "store", "quorum", "quorum/hint", "quorum/session", "internal/wire"},
		bans:    []group{inputOutput, clock, chance, goroutines},
		why:     "the node as a machine: the shell and the simulator drive the same code, so it knows neither",
	},

	{
		dir: "internal/fault", bans: []group{inputOutput, clock, chance, locks},
		why: "it carries a wish for faults to a node; it knows neither the node nor the fault",
	},

	// Level 2: ways to reach another node.
	{
		dir: "transport", imports: []string{"peer", "quorum/admit"},
		why: "it moves bytes between members and reads none of them, no more than they answer in time",
	},
	{
		dir: "transport/...", imports: []string{"peer", "transport"},
		why: "a form of transport moves bytes between members and reads none of them",
	},

	// Level 3: the node.
	{
		dir: "gossip",
		imports: []string{
			"peer", "crdt", "merkle", "ring", "rumor", "antientropy", "store", "quorum", "quorum/admit", "quorum/pbs", "quorum/hint", "quorum/session",
			"transport", "transport/swim", "transport/memory", "internal/wire", "internal/replica", "internal/fault",
		},
		why: "it is what an application embeds: tests, measurements and examples stand on it, not in it",
	},

	// Level 4: what stands on the node.
	{
		dir:     "gossiptest",
		imports: append([]string{"gossip", "transport/..."}, machines...),
		bans:    []group{clock, chance},
		why:     "a seed replays only if nothing but the seed and the virtual clock decides",
	},
	{
		dir: "internal/processes", imports: []string{"gossip", "gossiptest", "quorum", "quorum/session", "crdt", "peer"},
		why: "it has tests alone, of the node as applications use it",
	},
	{
		dir: "internal/style", why: "it reads the source, and must not need it to compile",
	},
	{
		dir: "bench/...", imports: append([]string{"gossip", "gossiptest", "internal/fault", "quorum/pbs", "transport/...", "bench/..."}, machines...),
		why: "it measures the library and is part of nothing",
	},
	{
		dir: "examples/...",
		imports: []string{
			"peer", "crdt", "merkle", "ring", "rumor", "antientropy", "store", "quorum", "gossip", "transport/...", "examples/...",
		},
		why: "users copy from it, and they cannot import what is internal",
	},
	{
		dir: "tools/...", why: "it pins the tools and has no part in the library",
	},
}

// machines are the packages that the simulator and the measurements drive.
var machines = []string{
	"peer", "crdt", "merkle", "ring", "rumor", "antientropy", "store", "quorum", "quorum/hint", "quorum/session", "internal/wire", "internal/replica",
}

// A module is a dependency and who may import it.
type module struct {
	path string
	in   []string // folders, or "tests": the test files of every package
	why  string   // why we have it, and why only there
}

// modules are the dependencies of the library. Nested modules (bench, examples)
// answer for their own.
var modules = []module{
	{
		"github.com/cespare/xxhash/v2", machines,
		"the hash that places keys: part of the protocol, pure, and quick enough to be called for every key",
	},
	{
		"github.com/dchest/siphash", []string{"crdt", "merkle", "antientropy"},
		"the keyed hash of fingerprints: without the key nobody can aim at a collision",
	},
	{
		"github.com/hashicorp/memberlist", []string{"transport/swim"},
		"SWIM membership; its types, its locks and its global random source stay behind one package",
	},
	{
		"github.com/hashicorp/go-msgpack/v2", []string{"internal/wire", "transport/swim", "tests"},
		"the codec of messages: one package encodes, so that one page documents every byte",
	},
	{
		"go.opentelemetry.io/otel", []string{"gossip"},
		"the interface of spans, for applications that trace; who records them is theirs",
	},
	{
		"github.com/prometheus/client_golang", []string{"gossip", "tests"},
		"metrics are the shell's: cores count in plain numbers",
	},
	{
		"golang.org/x/sync", []string{"gossip", "transport/...", "tests"},
		"groups of goroutines, which only shells have",
	},
	{
		"pgregory.net/rapid", []string{"crdt/crdttest", "tests"},
		"properties and state machines with shrinking",
	},
	{"github.com/google/go-cmp", []string{"tests"}, "differences that a reader can see"},
	{"go.uber.org/goleak", []string{"tests"}, "no goroutine outlives its owner"},
}
