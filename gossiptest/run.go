package gossiptest

import (
	"fmt"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum/hint"
)

// Run describes a simulated run. The zero values of the optional fields stand
// for the defaults that are named.
type Run struct {
	Seed       uint64
	Workload   string        // what the table holds: "registers" (the default), "sets" or "counters"
	Retry      bool          // clients retry what ended with an unknown outcome, mostly
	Nodes      int           // default 5
	Spares     int           // nodes that are outside at first, for Faults.Churn
	N, W, R    int           // default 3, 2, 2
	Partitions int           // default 8
	Keys       int           // default 4
	Clients    int           // default 6; each does one operation after the other
	Active     time.Duration // virtual time of work and faults, default 20 s
	Timeout    time.Duration // of an operation, default 1 s
	Sweep      time.Duration // how often co-owners compare their partitions, default 1 s
	Faults     Faults
	Compare    bool // fills compare whatever they have in sessions, rather than listing a little
	// Quiet is for how long nothing happens any more once all owners agree: no
	// comparison may differ then, and nothing be repaired.
	Quiet      time.Duration
	ReadRepair bool
	NoHints    bool // coordinators keep nothing for owners that they could not reach
	CountHints bool // of fallbacks and coordinators, where owners cannot be reached; a read need not meet them then
	Blocking   bool // reads repair before they return, and are monotonic
	Sessions   bool // clients work in sessions with all guarantees, which they take from node to node
	// Broken switches a safety rule off, to show that the checkers notice: one
	// of "", "unsynced-counts", "fill-from-one", "no-restamp", "no-fence",
	// "no-barrier", "stale-root", "fold-twice", "drop-level", "no-blocking",
	// "no-session", "soft-fold", "no-window", "rebind", "unsynced-mints",
	// "hints-count".
	Broken string
	// Trace, if it is set, is told of every event that enters the hash.
	Trace func(line string)
}

// Report is what came of a run.
type Report struct {
	Hash       uint64 // of every event: equal for equal runs
	Events     int
	History    History
	Violations []Violation
	Faults     Counters
	Sessions   SessionCounts
	Stats      replica.Stats // summed over the nodes' last lives
	Took       time.Duration // virtual time until all owners agreed
}

func (r Run) withDefaults() Run {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&r.Nodes, 5)
	or(&r.N, 3)
	or(&r.W, 2)
	or(&r.R, 2)
	or(&r.Partitions, 8)
	or(&r.Keys, 4)
	or(&r.Clients, 6)
	if r.Active == 0 {
		r.Active = 20 * time.Second
	}
	if r.Sweep == 0 {
		r.Sweep = time.Second
	}
	if r.Timeout == 0 {
		r.Timeout = time.Second
	}
	return r
}

// hints bounds what coordinators keep, tightly enough to meet the bounds.
func (r Run) hints() hint.Config {
	if r.NoHints {
		return hint.Config{}
	}
	return hint.Config{MaxBytes: 2 << 10, MaxAge: time.Minute}
}

// counts reports whether hints count, known or not.
func (r Run) counts() bool { return r.CountHints || r.Broken == "hints-count" }

// patience is how long an operation waits for one answer: where hints count, not so
// long that there is no time left for a fallback, as where a connection breaks.
func (r Run) patience() time.Duration {
	if r.counts() {
		return r.Timeout / 3
	}
	return r.Timeout
}

func (r Run) rules() replica.Rules {
	return replica.Rules{
		UnsyncedCounts: r.Broken == "unsynced-counts",
		FillFromOne:    r.Broken == "fill-from-one",
		NoRestamp:      r.Broken == "no-restamp",
		NoFence:        r.Broken == "no-fence",
		NoBarrier:      r.Broken == "no-barrier",
		StaleRoot:      r.Broken == "stale-root",
		FoldTwice:      r.Broken == "fold-twice",
		DropLevel:      r.Broken == "drop-level",
		NoBlocking:     r.Broken == "no-blocking",
		NoSession:      r.Broken == "no-session",
		SoftFold:       r.Broken == "soft-fold",
		NoWindow:       r.Broken == "no-window",
		Rebind:         r.Broken == "rebind",
		UnsyncedMints:  r.Broken == "unsynced-mints",
	}
}

func (r Run) listUpTo() int {
	if r.Compare {
		return -1
	}
	return 0
}

// promised leaves out what is not promised where a read need not meet a write, by
// the levels or because hints count: freshness, and that a write outlives its one
// owner.
func (r Run) promised(broken []Violation) []Violation {
	if r.R+r.W > r.N && !r.CountHints {
		return broken
	}
	return slices.DeleteFunc(broken, func(v Violation) bool { return v.Invariant != "invention" })
}

// Simulate carries out the run: the cluster forms, works under faults, is
// healed, and has to agree. It is deterministic.
func Simulate(run Run) *Report {
	run = run.withDefaults()
	c := newCluster(run)
	rep := new(Report)
	if !c.form() {
		rep.Violations = append(rep.Violations, Violation{"liveness", "the cluster did not form"})
		return rep
	}
	c.net.faults = run.Faults
	end := c.World.Elapsed() + run.Active
	work := &workload{c: c, h: &rep.History, rep: rep, end: end, clients: make([]*client, run.Clients), added: make(map[string][]string)}
	for i := range run.Clients {
		work.client(i, 0)
	}
	c.mischief(end)
	c.World.RunUntil(run.Active+10*time.Second, func() bool { return work.open == 0 && c.World.Elapsed() >= end })
	c.heal()
	healed := c.World.Elapsed()
	if !c.World.RunUntil(10*time.Minute, c.converged) {
		rep.Violations = append(rep.Violations, Violation{"convergence", fmt.Sprintf("owners differ ten minutes after healing, on %v", c.safeDifferent())})
	} else if d := c.different(); len(d) > 0 {
		rep.Violations = append(rep.Violations, Violation{"convergence", fmt.Sprintf("digests agree and states differ on %v", d)})
	} else {
		rep.Violations = append(rep.Violations, c.judge(&rep.History)...)
		rep.Violations = append(rep.Violations, CheckSessions(&rep.History)...)
	}
	rep.Took = c.World.Elapsed() - healed
	if run.Quiet > 0 && len(rep.Violations) == 0 {
		rep.Violations = append(rep.Violations, c.rest()...)
	}
	rep.Hash, rep.Events, rep.Faults = c.World.Hash(), c.World.count, c.net.n
	rep.Stats = c.stats()
	return rep
}

// stats sums up what the nodes have counted.
func (c *Cluster) stats() (s replica.Stats) {
	for _, n := range c.Nodes {
		if n.replica != nil {
			s.Add(n.replica.Stats())
		}
	}
	return s
}

// rest lets time go by in which there is nothing to do, and says what was done.
func (c *Cluster) rest() (v []Violation) {
	never := func() bool { return false }
	c.World.RunUntil(stragglesBy*c.run.Faults.MaxDelay, never) // a write that is late makes one owner differ once more
	c.World.RunUntil(10*time.Minute, c.converged)
	c.World.RunUntil(4*c.run.Sweep+10*time.Second, never) // what had been found is brought, and repairs arrive
	before := c.stats()
	c.World.RunUntil(c.run.Quiet, never)
	after := c.stats()
	if n := after.DigestsDiffer - before.DigestsDiffer; n > 0 {
		v = append(v, Violation{"quiet", fmt.Sprintf("%d comparisons differ where all owners agree", n)})
	}
	if n := after.Swept + after.Filled + after.Repairs - before.Swept - before.Filled - before.Repairs; n > 0 {
		v = append(v, Violation{"quiet", fmt.Sprintf("%d repairs where all owners agree", n)})
	}
	if after.DigestsEqual == before.DigestsEqual && c.run.Quiet > 8*c.run.Sweep {
		v = append(v, Violation{"quiet", "nobody compares"})
	}
	return v
}

// safeDifferent is different, for a cluster that may not even be up.
func (c *Cluster) safeDifferent() []string {
	if !c.calm() {
		return []string{"(not calm)"}
	}
	return c.different()
}

func (c *Cluster) finals() (f []Final) {
	for i := range c.run.Keys {
		value, found := c.final(key(i))
		f = append(f, Final{Key: key(i), Value: value, Found: found})
	}
	return f
}

func key(i int) string { return fmt.Sprintf("key-%d", i) }

// mischief schedules the faults until end.
func (c *Cluster) mischief(end time.Duration) {
	f, w := c.run.Faults, c.World
	repeat := func(mean time.Duration, do func()) {
		if mean == 0 {
			return
		}
		var again func()
		again = func() {
			if w.Elapsed() < end {
				do()
				w.After(w.between(mean/2, mean*3/2), again)
			}
		}
		w.After(w.between(0, mean), again)
	}
	repeat(f.Crash, c.crashOne)
	repeat(f.Pause, c.pauseOne)
	repeat(f.Partition, func() { c.cutSome() })
	repeat(f.Churn, c.changeOne)
}

// crashOne crashes a node if no state is lost yet that was not filled again:
// fewer than W owners may lose theirs between two syncs.
func (c *Cluster) crashOne() {
	if !c.calm() {
		return
	}
	n := c.in()[c.World.Rand.IntN(len(c.in()))]
	c.net.n.Crashes++
	n.crash()
	c.World.After(c.World.between(20*time.Millisecond, c.run.Faults.Crash/2), func() {
		c.net.n.Restarts++
		if n.replica == nil { // or it was healed meanwhile
			n.restart()
		}
	})
}

func (c *Cluster) pauseOne() {
	n := c.Nodes[c.World.Rand.IntN(len(c.Nodes))]
	if n.replica == nil || n.paused {
		return
	}
	c.net.n.Pauses++
	n.pause(c.World.between(100*time.Millisecond, 3*time.Second))
}

// cutSome cuts some nodes off from the others, the given ones among them.
func (c *Cluster) cutSome(among ...int) {
	if len(c.net.cut) > 0 {
		return
	}
	side := make(map[int]bool)
	for _, i := range among {
		side[i] = true
	}
	for range 1 + c.World.Rand.IntN(max(len(c.Nodes)/2, 1)) {
		side[c.World.Rand.IntN(len(c.Nodes))] = true
	}
	c.net.partition(c.Nodes, side, c.run.Faults.Asymmetric && c.World.chance(0.5))
	c.World.After(c.World.between(500*time.Millisecond, 5*time.Second), c.net.heal)
}

// heal ends all faults.
func (c *Cluster) heal() {
	c.net.heal()
	c.net.faults = Faults{MinDelay: c.run.Faults.MinDelay, MaxDelay: c.run.Faults.MaxDelay}
	for _, n := range c.Nodes {
		if n.in && n.replica == nil {
			n.restart()
		}
		n.wake()
	}
	for _, n := range c.in() {
		c.announce(n, n.nonce, true)
	}
}

// workload is what the clients do.
type workload struct {
	c    *Cluster
	h    *History
	rep  *Report
	end  time.Duration
	open int

	clients []*client
	added   map[string][]string // elements, by key
}

// client does one operation after the other, each at a node of its own choice.
func (k *workload) client(id, count int) {
	w := k.c.World
	w.After(w.between(time.Millisecond, 60*time.Millisecond), func() {
		if w.Elapsed() >= k.end {
			return
		}
		n := k.c.Nodes[w.Rand.IntN(len(k.c.Nodes))]
		if n.replica == nil || n.paused {
			k.client(id, count)
			return
		}
		o := &Op{Node: n.index, Key: key(w.Rand.IntN(k.c.run.Keys)), Invoke: w.Elapsed()}
		k.draw(o, id, count)
		k.h.Ops = append(k.h.Ops, o)
		k.open++
		k.do(id, n, o, func() {
			k.open--
			k.client(id, count+1)
		})
	})
}
