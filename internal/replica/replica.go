// Package replica is one node as a machine: what it knows (the ring state, its
// clock, its tables) and every decision it takes, without a goroutine, a
// socket or a clock of its own. The node of package gossip drives it with real
// time and a real transport; the simulation drives many of them in one thread.
//
// It has three faces:
//
//   - [Replica.Serve] answers the requests of other replicas;
//   - [Call] is a client's operation at its coordinator;
//   - [Replica.Tick], [Replica.Synchronize] and [Replica.Reply] do what goes on by
//     itself: learning and spreading the ring state, filling what is unsynced,
//     comparing partitions.
//
// Serve and Calls are safe for concurrent use and meet only the locks of single
// partitions; everything else happens under one lock that is never held while
// anything is sent. What is to be sent is returned as [Effects].
package replica

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum/hint"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/rumor"
)

// Config is what a replica is started with.
type Config struct {
	ID      peer.ID
	Nonce   uint64 // of this boot; never zero
	Cluster string
	Zone    string
	Weight  uint32
	Addr    string // address of membership gossip, for the ring state
	Data    string // address of the data plane, for the ring state

	MaxValue int           // bytes of a value; at most wire.MaxState less its head
	MaxSkew  time.Duration // how far ahead of the wall clock another node's stamp may be
	Rand     *rand.Rand    // used under the replica's lock

	RingEvery  time.Duration // how often the ring state is compared with a random member's; up to eight times as seldom while it does not change
	SweepEvery time.Duration // how often this node's data is compared with that of another; above zero
	SyncRate   float64       // bytes a second that comparisons and fills may move; 0: as many as it takes
	Retry      time.Duration // how long an exchange that failed waits
	Timeout    time.Duration // of an exchange's requests

	Hints hint.Config // what is kept for owners that cannot be reached; zero: nothing

	Target rumor.Target // what the spreading of tables that every member holds is to achieve; zero: rumor.DefaultTarget

	// ListUpTo is how many entries of a partition a fill lists to another owner at
	// once, which costs no more than to compare so few; of more, or of states that
	// have outlines, it asks whether all are equal, and if not, a session finds what
	// is lacked. 0 stands for 64, less for none.
	ListUpTo int

	Rules Rules
}

// Rules switches single safety rules off, for the negative controls of the
// simulation: a suite that does not notice proves nothing.
type Rules struct {
	UnsyncedCounts bool // an unsynced owner's answer counts towards R
	FillFromOne    bool // a fill ends after one co-owner
	NoRestamp      bool // a dominated write is not stamped again
	NoFence        bool // requests of other ring versions are served
	NoBarrier      bool // nobody waits for the others to end a change of owners
	NoBlocking     bool // a read that is to block for its repair does not
	FoldTwice      bool // some partitions are folded into digests twice
	DropLevel      bool // sums of half the space look alike below the root
	NoWindow       bool // an operation whose request comes again is made again
	Rebind         bool // an operation that an owner may have made is retried at another
	UnsyncedMints  bool // an owner makes operations before it is filled, under the actor of its former lives
	NoSession      bool // a session asks nothing of its reads and writes
	SoftFold       bool // a session takes all that it reads for being at W owners
	StaleRoot      bool // comparisons take the digest of a moment in the past: that of no data
}

// Replica is one node as a machine.
type Replica struct {
	cfg     Config
	cluster uint64 // hash of the cluster's name
	view    atomic.Pointer[View]
	clock   clock
	ops     atomic.Uint64 // numbers the operations of this boot
	hedges  hedges
	hints   hints
	serving atomic.Int64 // bytes of the requests that are being served
	stats   stats
	spread  spread
	dots    atomic.Uint64 // numbers the operations that this boot makes
	made    made

	sweeps   sweeps
	accepted acceptor
	filled   atomic.Int64 // when a fill brought a page, in ns since 1970

	mu        sync.Mutex
	verdicts  map[peer.ID]verdict
	speeds    map[peer.ID]*speed
	data      map[string]*Data // by table name
	jobs      jobs
	learned   bool // the ring state and the last boot are known
	blind     bool // the boot was taken without hearing of an earlier one
	ended     error
	notReady  map[peer.ID]bool // members that have not learned either
	compareAt time.Time        // when the ring state is compared next
	leaving   bool
}

// verdict is what membership believes of a node: which boot of it, and whether
// that is alive.
type verdict struct {
	nonce uint64
	alive bool
}

// Errors that end a replica; see [Replica.Err].
var (
	// ErrReplaced: a newer boot of this node's id is in the cluster.
	ErrReplaced = errors.New("replaced by a newer boot of the same id")
	// ErrForgotten: an operator removed this node from the cluster.
	ErrForgotten = errors.New("removed from the cluster")
)

// New returns a replica that knows nothing yet: it answers NotReady until it
// has learned the ring state from another node or was told to [Replica.Form]
// a cluster. A Target that is not valid panics.
func New(cfg Config) *Replica {
	if cfg.ListUpTo == 0 {
		cfg.ListUpTo = fewEntries
	}
	r := &Replica{
		cfg:      cfg,
		cluster:  xxhash.Sum64String(cfg.Cluster),
		verdicts: make(map[peer.ID]verdict),
		data:     make(map[string]*Data),
		notReady: make(map[peer.ID]bool),
	}
	r.hedges.room.Store(hedgeCredit)
	r.hints.init(&r.cfg)
	r.jobs.init()
	r.jobs.budget = antientropy.NewBudget(cfg.SyncRate)
	r.sweeps.rand = rand.New(rand.NewPCG(cfg.Rand.Uint64(), cfg.Rand.Uint64()))
	r.accepted.sessions = make(map[wire.OpID]*accepted)
	r.clock.Clock = crdt.NewClock(0, cfg.MaxSkew)
	r.view.Store(newView(r, new(ring.State)))
	r.spread.init(r)
	r.made.init()
	return r
}

// View returns what the replica knows now. It is immutable.
func (r *Replica) View() *View { return r.view.Load() }

// Err returns why the replica has ended: an error that wraps [ErrReplaced] or
// [ErrForgotten], or nil. An ended replica refuses everything.
func (r *Replica) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// Effects is what is to be done for a replica: its owner sends the messages and
// hands their replies to [Replica.Reply].
type Effects struct {
	Sends []Send
}

// Send is a request to another replica.
type Send struct {
	To    peer.ID
	Class uint8  // a transport.Class
	Token uint64 // for Reply
	Msg   []byte // owned by the receiver of the effects
}

// Reset empties the effects and keeps their memory.
func (e *Effects) Reset() { e.Sends = e.Sends[:0] }

// maxServing is how many bytes of requests may be under service before the
// replica tells others to hold back what is not urgent.
const maxServing = 64 << 20

// credit is what a reply says about the room that is left, in KiB.
func (r *Replica) credit() uint32 { return uint32(max(maxServing-r.serving.Load(), 0) >> 10) }

// The classes that the replica itself uses; the numbers are those of package
// transport.
const (
	classControl    = 0
	classForeground = 1
	classFill       = 2
	classHint       = 3
	classSync       = 4
	classRepair     = 5
)

// clock is the node's hybrid logical clock, shared by all that stamps.
type clock struct {
	mu sync.Mutex
	crdt.Clock
	ahead crdt.Time // highest reading given above a dominating one that the clock refused
}

// observe takes the clock of another node and returns this node's highest
// reading. A reading beyond the allowed skew does not move the clock.
func (c *clock) observe(t crdt.Time, now time.Time) (last crdt.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err = c.Observe(t, now)
	return c.Last(), err
}

// next returns a new reading, above t in any case. Where t is further ahead
// than the allowed skew the reading goes above it and the clock stays behind;
// apart says so: such readings are numbered by themselves, and the clock may
// come to them again.
func (c *clock) next(t crdt.Time, now time.Time) (reading crdt.Time, apart bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Observe(t, now) == nil {
		return c.Now(now), false
	}
	c.ahead = max(c.ahead, t) + 1
	return c.ahead, true
}

// stamp returns a new stamp of this boot, above t. An actor never uses a stamp
// twice: the readings that the clock may come to again go under another one.
func (r *Replica) stamp(t crdt.Time, now time.Time) crdt.Stamp {
	s := crdt.Stamp{Actor: r.View().actor}
	var apart bool
	if s.Time, apart = r.clock.next(t, now); apart {
		s.Actor[0] ^= 0x80
	}
	return s
}

// stats counts what is worth a metric.
type stats struct {
	stale, skewed, refused      atomic.Uint64
	filled, swept, restamped    atomic.Uint64
	repairs, repairsVetoed      atomic.Uint64
	mended                      atomic.Uint64
	notOwner, unsyncedAnswers   atomic.Uint64
	speculated                  atomic.Uint64
	digestsEqual, digestsDiffer atomic.Uint64
	syncIn, syncOut, syncHeld   atomic.Uint64
	fillSessions, syncDeltas    atomic.Uint64
	scrubbed, scrubWrong        atomic.Uint64
}

// Stats is what a replica has counted since it was started.
type Stats struct {
	StaleRequests   uint64 // requests refused because their ring state was another
	UnsyncedAnswers uint64 // answers to reads that were marked as not counting
	NotOwner        uint64 // requests refused because the partition is not owned
	Refused         uint64 // requests refused for any other reason
	Skewed          uint64 // foreign clock readings beyond the allowed skew
	Restamped       uint64 // writes stamped again above a newer one
	Filled          uint64 // entries that fills brought
	Swept           uint64 // entries that comparisons with co-owners brought
	Speculated      uint64 // reads that asked one owner more because they had waited long
	Repairs         uint64 // owners repaired after reads
	RepairsVetoed   uint64
	Mended          uint64 // owners repaired before the read returned
	DigestsEqual    uint64 // comparisons begun here that found nothing
	DigestsDiffer   uint64
	SyncSent        uint64 // bytes of comparisons begun here
	SyncReceived    uint64
	FillSessions    uint64 // fills whose differences a session found, as more than a few entries were here already
	SyncDeltas      uint64 // entries of which comparisons sent only what the other side lacked
	SyncHeld        uint64 // entries found to differ that were left to arrive by themselves
	Scrubbed        uint64 // partitions whose fingerprints and tree were held against their data
	ScrubWrong      uint64 // entries and leaves that were not as they should have been
}

// Stats returns the counts.
func (r *Replica) Stats() Stats {
	s := &r.stats
	return Stats{
		StaleRequests: s.stale.Load(), UnsyncedAnswers: s.unsyncedAnswers.Load(), NotOwner: s.notOwner.Load(),
		Refused: s.refused.Load(), Skewed: s.skewed.Load(), Restamped: s.restamped.Load(),
		Speculated: s.speculated.Load(), Filled: s.filled.Load(), Swept: s.swept.Load(), Repairs: s.repairs.Load(), RepairsVetoed: s.repairsVetoed.Load(), Mended: s.mended.Load(),
		DigestsEqual: s.digestsEqual.Load(), DigestsDiffer: s.digestsDiffer.Load(),
		SyncSent: s.syncOut.Load(), SyncReceived: s.syncIn.Load(), SyncHeld: s.syncHeld.Load(),
		FillSessions: s.fillSessions.Load(), SyncDeltas: s.syncDeltas.Load(),
		Scrubbed: s.scrubbed.Load(), ScrubWrong: s.scrubWrong.Load(),
	}
}

// newOp returns an operation id that no other operation has.
func (r *Replica) newOp() wire.OpID { return wire.OpID{Hi: r.cfg.Nonce, Lo: r.ops.Add(1)} }

// header returns the header of a request about a table's partition.
func (r *Replica) header(v *View, kind wire.Kind, class uint8, timeout time.Duration) wire.Header {
	last, _ := r.clock.observe(0, time.Time{})
	return wire.Header{
		Kind: kind, Version: wire.MaxVersion, Cluster: r.cluster, Ring: v.version,
		Boot: v.Boot, Clock: last, Remaining: timeout, Class: class,
	}
}

func (r *Replica) String() string { return fmt.Sprintf("%s/%v", r.cfg.ID, r.View().Boot) }

// Add adds the counts of another replica.
func (s *Stats) Add(o Stats) {
	s.StaleRequests += o.StaleRequests
	s.UnsyncedAnswers += o.UnsyncedAnswers
	s.NotOwner += o.NotOwner
	s.Refused += o.Refused
	s.Skewed += o.Skewed
	s.Restamped += o.Restamped
	s.Filled += o.Filled
	s.Speculated += o.Speculated
	s.Swept += o.Swept
	s.Repairs += o.Repairs
	s.RepairsVetoed += o.RepairsVetoed
	s.Mended += o.Mended
	s.DigestsEqual += o.DigestsEqual
	s.DigestsDiffer += o.DigestsDiffer
	s.SyncSent += o.SyncSent
	s.SyncReceived += o.SyncReceived
	s.SyncHeld += o.SyncHeld
	s.FillSessions += o.FillSessions
	s.SyncDeltas += o.SyncDeltas
	s.Scrubbed += o.Scrubbed
	s.ScrubWrong += o.ScrubWrong
}
