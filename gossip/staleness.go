package gossip

import (
	"fmt"
	"maps"
	"math/bits"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/pbs"
	"github.com/grapevine-go/grapevine/transport"
)

// How many operations are measured: one of so many has its round trips noted,
// and of the reads one of so many is held against what every owner has.
const (
	tripEvery  = 16
	truthEvery = 128
)

// Staleness is how stale the reads of a table can be: what its levels and all
// others are predicted to give, from the delays that this node measured as a
// coordinator, and what samples showed. See package quorum/pbs for the model;
// it has no repair, and takes coordinators to be anywhere, so that reads at the
// node that wrote are fresher than predicted.
type Staleness struct {
	Table   string
	Levels  quorum.NWR
	Writes  int          // round trips to owners that the prediction rests on, of the latest writes
	Reads   int          // and reads
	Choices []pbs.Choice // every R and W of the table's N
	// Truth counts sampled reads of a table of registers by the age of the newest
	// version that any owner had, by its stamp: its write may just have been under
	// way. Unjudged are those of which nothing can be said: an owner did not answer,
	// or the newest version is younger than the read.
	Truth    pbs.Truth
	Unjudged uint64
}

// Now returns what is predicted of the table's own levels.
func (s Staleness) Now() pbs.Choice {
	for _, c := range s.Choices {
		if c.Levels == s.Levels {
			return c
		}
	}
	return pbs.Choice{}
}

// Advise returns the levels that are predicted to meet the goal at the least
// delay; see [pbs.Advise].
func (s Staleness) Advise(g pbs.Goal) (pbs.Choice, bool) { return pbs.Advise(s.Choices, g) }

// Staleness predicts from what was measured of a table's latest operations, and
// returns it with what samples showed. It takes some milliseconds of processor
// time. The error wraps [ErrNotReady] until this node has opened the table, a
// ring table, and has measured at least a hundred round trips of writes and of
// reads.
func (n *Node) Staleness(table string) (Staleness, error) {
	p := n.probes.of(table)
	if p == nil {
		return Staleness{}, fmt.Errorf("gossip: staleness of table %q, which is no ring table that was opened here: %w", table, ErrNotReady)
	}
	return p.predict(table)
}

// fewTrips is how many round trips a prediction needs.
const fewTrips = 100

// probes are what is measured of each ring table that was opened here.
type probes struct {
	mu      sync.Mutex
	byTable map[string]*probe
}

func (p *probes) of(table string) *probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byTable[table]
}

// open returns the probe of a table, whose levels are the last that it was
// opened with.
func (p *probes) open(table string, levels quorum.NWR) *probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byTable == nil {
		p.byTable = make(map[string]*probe)
	}
	if p.byTable[table] == nil {
		p.byTable[table] = new(probe)
	}
	p.byTable[table].levels = quorum.NWR{N: levels.N, W: quorum.Level(levels.LeastW()), R: quorum.Level(levels.LeastR())}
	return p.byTable[table]
}

// all returns the probes by table.
func (p *probes) all() map[string]*probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.byTable)
}

// probe is what is measured of a table.
type probe struct {
	mu            sync.Mutex
	levels        quorum.NWR
	writes, reads pbs.Trips
	truth         pbs.Truth
	unjudged      uint64
	last          Staleness // the last prediction, for the metrics
	lastAt        time.Time
}

// trip notes how long an owner took to answer.
func (p *probe) trip(op opKind, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if op == opWrite {
		p.writes.Add(took)
	} else {
		p.reads.Add(took)
	}
}

// predict predicts anew.
func (p *probe) predict(table string) (Staleness, error) {
	p.mu.Lock()
	s := Staleness{Table: table, Levels: p.levels, Writes: p.writes.Len(), Reads: p.reads.Len(), Truth: p.truth, Unjudged: p.unjudged}
	if s.Writes < fewTrips || s.Reads < fewTrips {
		p.mu.Unlock()
		return Staleness{}, fmt.Errorf("gossip: staleness of table %q: %d writes and %d reads measured, %d are needed: %w",
			table, s.Writes, s.Reads, fewTrips, ErrNotReady)
	}
	model := pbs.Observed(&p.writes, &p.reads)
	p.mu.Unlock()
	trials := max(100_000/(s.Levels.N*s.Levels.N), 1000)
	var err error
	s.Choices, err = pbs.Choices(model, s.Levels.N, trials, mathrand.New(mathrand.NewPCG(newNonce(), 0)))
	return s, err
}

// recent is predict that is content with what was predicted a short while ago.
func (p *probe) recent(table string) (Staleness, bool) {
	p.mu.Lock()
	s, age := p.last, time.Since(p.lastAt)
	s.Truth, s.Unjudged = p.truth, p.unjudged
	p.mu.Unlock()
	if age < 15*time.Second {
		return s, len(s.Choices) > 0
	}
	s, err := p.predict(table)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.lastAt = s, time.Now()
	return s, err == nil
}

var (
	staleDesc    = desc("stale_read_probability", "Predicted from measured delays: that a read misses a write which ended so long before it began; no series where R+W > N, or too little was measured.", "table", "after")
	comparedDesc = desc("reads_compared_total", "Reads that were held against what all owners had.", "table")
	missedDesc   = desc("reads_stale_total", "Of the reads compared, those that missed the newest version.", "table")
)

// collectStaleness predicts for each table; what was predicted serves for a
// while.
func (m *metrics) collectStaleness(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	for table, p := range m.n.probes.all() {
		s, predicted := p.recent(table)
		total := s.Truth.Total()
		counter(comparedDesc, total.Reads, table)
		counter(missedDesc, total.Stale, table)
		if now := s.Now(); predicted && !s.Levels.Fresh() {
			for _, after := range []time.Duration{0, 10 * time.Millisecond, 100 * time.Millisecond} {
				gauge(staleDesc, 1-now.Predicted.Fresh(after), table, after.String())
			}
		}
	}
}

// sample decides what is measured of an operation that has begun and has sent
// nothing yet.
func (k *call) sample(t *table) {
	k.probe, k.truth = nil, false
	// Not the number itself: operations that take turns would be told apart by it.
	lot := k.c.ID.Lo * 0x9e3779b97f4a7c15 >> 32
	if t.probe == nil || lot%tripEvery != 0 {
		return
	}
	k.probe = t.probe
	if k.op == opRead {
		k.truth = !t.causal && lot%truthEvery == 0
		if k.c.Op.Acked() > 0 { // this node has answered itself at once
			k.probe.trip(opRead, time.Since(k.begun))
		}
	}
}

// askRest asks the owners that a sampled read has not asked; nobody waits for
// what they answer.
func (k *call) askRest() {
	now := time.Now()
	k.mu.Lock()
	send := k.c.Op.Rest()
	msg, class, until, token := k.c.Msg(now, 0), k.c.Class(), k.c.Until(), k.c.Token(0)
	k.refs += bits.OnesCount32(send)
	k.mu.Unlock()
	for m := send; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		k.send(k.c.Op.Targets[i].ID, transport.Class(class), msg, until, token+uint64(i))
	}
}

// judge holds what a sampled read returned against what all owners answered.
// Nobody else uses the call any more.
func (k *call) judge() {
	k.c.JoinLate()
	p, newest := k.probe, k.c.Cell().Value.Stamp
	age := k.begun.Sub(newest.Time.Wall())
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !k.c.Op.AllAnswered() || age < 0:
		p.unjudged++
	case !newest.IsZero(): // of a key that nobody ever wrote there is no version to miss
		p.truth.Add(age, k.cell.Value.Stamp != newest)
	}
}
