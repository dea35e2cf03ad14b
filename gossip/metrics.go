package gossip

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/internal/replica"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/rumor"
)

// opKind is how operations are told apart in metrics.
type opKind uint8

const (
	opRead opKind = iota
	opWrite
	opScan
	numOps
	opNone // it has asked nobody
)

var opNames = [numOps]string{"read", "write", "scan"}

// causes are how failed operations are told apart: the first that is in the
// error, else the last.
var causes = [...]struct {
	name string
	err  error
}{
	{"canceled", context.Canceled}, {"session lost", quorum.ErrSessionLost}, {"unrepaired", quorum.ErrUnrepaired}, {"timeout", quorum.ErrTimeout}, {"overloaded", quorum.ErrOverloaded},
	{"too large", quorum.ErrTooLarge}, {"unsettled", quorum.ErrUnsettled}, {"not ready", ErrNotReady},
	{"unavailable", quorum.ErrUnavailable}, {"other", nil},
}

// causeOf is the index of an error's cause.
func causeOf(err error) int {
	for i, c := range causes[:len(causes)-1] {
		if errors.Is(err, c.err) {
			return i
		}
	}
	return len(causes) - 1
}

// metrics is the node's collector. What is counted on the way of an operation
// is resolved to its series beforehand.
type metrics struct {
	n       *Node
	ops     *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	series  [numOps][3]prometheus.Counter // by outcome
	causes  *prometheus.CounterVec
	failed  [numOps][len(causes)]prometheus.Counter
	took    [numOps]prometheus.Observer

	coalesced  atomic.Uint64 // reads
	registered bool          // before Start returns
}

func newMetrics(n *Node) *metrics {
	m := &metrics{n: n,
		ops: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "grapevine_operations_total",
			Help: "Operations by kind and outcome (applied: a read that was answered)."}, []string{"op", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "grapevine_operation_seconds",
			Help: "Duration of operations.", Buckets: prometheus.ExponentialBuckets(25e-6, 2, 20)}, []string{"op"}),
	}
	m.causes = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "grapevine_operation_failures_total",
		Help: "Operations that failed, by why."}, []string{"op", "cause"})
	for op, name := range opNames {
		for i, c := range causes {
			m.failed[op][i] = m.causes.WithLabelValues(name, c.name)
		}
		m.took[op] = m.seconds.WithLabelValues(name)
		for o := range m.series[op] {
			m.series[op][o] = m.ops.WithLabelValues(name, quorum.Outcome(o).String())
		}
	}
	return m
}

func (m *metrics) register() error {
	if m.n.cfg.Registerer == nil {
		return nil
	}
	if err := m.n.cfg.Registerer.Register(m); err != nil {
		return &FieldError{Field: "Registerer", Problem: "does not take the node's metrics", Err: err}
	}
	m.registered = true
	return nil
}

func (m *metrics) close() {
	if m.registered {
		m.n.cfg.Registerer.Unregister(m)
	}
}

// read counts a local read: it takes no time worth a clock.
func (m *metrics) read(err error) { m.count(opRead, err) }

// count counts an operation's end, and its cause if it failed.
func (m *metrics) count(op opKind, err error) {
	m.series[op][Outcome(err)].Inc()
	if err != nil {
		m.failed[op][causeOf(err)].Inc()
	}
}

// done counts an operation.
func (m *metrics) done(k *call, err error) {
	m.count(k.op, err)
	m.took[k.op].Observe(time.Since(k.begun).Seconds())
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("grapevine_"+name, help, labels, nil)
}

var (
	membersDesc  = desc("members", "Members by what membership believes of them.", "state")
	unsyncedDesc = desc("unsynced_partitions", "Partitions of this node that do not hold all that was acknowledged.", "table")
	keysDesc     = desc("keys", "Keys in this node's partitions: live ones, and dead ones kept for their version.", "table", "state")
	bytesDesc    = desc("bytes", "About how much memory keys and states take.", "table")
	readyDesc    = desc("ready", "1 if the node serves and is synced.")
	eventsDesc   = desc("replica_events_total", "What the replica met with; see the guide.", "event")
	shedDesc     = desc("repairs_shed_total", "Reads whose repairs were left to the comparison of partitions.")
	sharedDesc   = desc("reads_coalesced_total", "Reads of a hot key that shared the answers of another read, sent after they had begun.")
	lateDesc     = desc("hooks_late_total", "Calls of repair hooks that took so long that they were not waited for, or were skipped because all others hung.")
	waitedDesc   = desc("sessions_waited_total", "Reads in sessions that had to ask more owners than R, because those lacked what the session has seen.")
	lostDesc     = desc("sessions_lost_total", "Reads in sessions that met no owner with what the session has seen, and failed.")
	differDesc   = desc("divergent_keys", "Keys that the last comparison with a member found to differ, and that are not resolved yet; no series where nothing differs.", "peer", "table")
	trafficDesc  = desc("transport_bytes_total", "Bytes of the data plane.", "direction")
	rumorsDesc   = desc("rumors_total", "Updates of tables that every member holds: received (useful, duplicate), sent with their bodies (resent: of those, again because no answer came), announced and asked for by name, dropped for want of room.", "event")
	hotDesc      = desc("rumors_hot", "Rumors that are told, or wait whether they still have to be.")
	hotBytesDesc = desc("rumors_hot_bytes", "Bytes of their keys and bodies.")
	rumorBytes   = desc("rumors_bytes_total", "Bytes of messages with rumors that were sent.")
	copiesDesc   = desc("rumors_copies", "Copies of an update that each member gets, as chosen for the target.")
	lossDesc     = desc("rumors_loss", "Share of the copies that is lost, as estimated.")
	limitDesc    = desc("target_limit", "1 for what keeps the target of spreading from being met (none: it is met).", "limit")
	refusedDesc  = desc("operations_refused_total", "Operations that were refused at once or after a short wait, because this node had as many under way as it may have; nothing was sent.")
	yieldedDesc  = desc("messages_yielded_total", "Messages in the background that were not sent, because operations need the room.", "class")
	fullDesc     = desc("requests_refused_total", "Requests that were not sent to another node, or not served by it, because it has no room.")
	queuedDesc   = desc("operations_waited_total", "Operations that waited for room before they began; those that were refused afterwards are in operations_refused_total too.")
	waitingDesc  = desc("operations_waiting", "Operations of this node's callers that wait for room.")
	underDesc    = desc("operations_under_way", "Operations on tables of this node's callers that have begun and not ended.")
	mostDesc     = desc("operations_limit", "How many of them there may be now.")
	delayDesc    = desc("propagation_seconds", "From where an update was written to here, by the clocks of both nodes; updates that came by rumor.")
)

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	m.ops.Describe(ch)
	m.causes.Describe(ch)
	m.seconds.Describe(ch)
	for _, d := range []*prometheus.Desc{membersDesc, unsyncedDesc, keysDesc, bytesDesc, readyDesc, eventsDesc, shedDesc, sharedDesc, lateDesc, waitedDesc, lostDesc, differDesc, trafficDesc,
		rumorsDesc, hotDesc, hotBytesDesc, rumorBytes, copiesDesc, lossDesc, limitDesc, delayDesc,
		staleDesc, comparedDesc, missedDesc, hintsDesc, hintBytesDesc, hintAgeDesc, hintedDesc, hintDropDesc,
		refusedDesc, fullDesc, queuedDesc, waitingDesc, yieldedDesc, underDesc, mostDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.ops.Collect(ch)
	m.causes.Collect(ch)
	m.seconds.Collect(ch)
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	states := make(map[string]int)
	for _, s := range []State{Alive, Suspect, Failed, Left} {
		states[s.String()] = 0
	}
	for _, s := range m.n.Members() {
		states[s.State.String()]++
	}
	for s, c := range states {
		gauge(membersDesc, float64(c), s)
	}
	status := m.n.Status()
	for _, t := range m.n.Tables() {
		gauge(unsyncedDesc, float64(status.Unsynced[t.Name]), t.Name)
		gauge(keysDesc, float64(t.Live), t.Name, "live")
		gauge(keysDesc, float64(t.Dead), t.Name, "dead")
		gauge(bytesDesc, float64(t.Bytes), t.Name)
	}
	gauge(readyDesc, map[bool]float64{true: 1}[status.Ready])
	for name, v := range m.n.Counts() {
		counter(eventsDesc, v, name)
	}
	counter(shedDesc, m.n.repairs.shed.Load())
	counter(sharedDesc, m.coalesced.Load())
	counter(lateDesc, m.n.hooks.budget.late.Load())
	counter(waitedDesc, m.n.sessions.waited.Load())
	counter(lostDesc, m.n.sessions.lost.Load())
	m.collectDivergence(gauge)
	in, out := m.n.traffic()
	counter(trafficDesc, in, "in")
	counter(trafficDesc, out, "out")
	counter(fullDesc, m.n.refusals())
	m.collectRumors(ch, gauge, counter)
	m.collectStaleness(gauge, counter)
	m.collectHints(gauge, counter)
	m.n.load.collect(gauge, counter)
}

// collectDivergence sums over partitions: one series for each would be too many.
func (m *metrics) collectDivergence(gauge func(*prometheus.Desc, float64, ...string)) {
	keys := make(map[[2]string]int)
	for _, d := range m.n.Divergences() {
		keys[[2]string{string(d.Peer), d.Table}] += d.Keys
	}
	for labels, n := range keys {
		gauge(differDesc, float64(n), labels[0], labels[1])
	}
}

func (m *metrics) collectRumors(ch chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	s := m.n.replica.SpreadStats()
	for event, v := range map[string]uint64{"useful": s.Useful, "duplicate": s.Duplicates, "sent": s.Sent, "resent": s.Resent, "announced": s.Announced, "asked": s.Asked, "overflow": s.Overflow} {
		counter(rumorsDesc, v, event)
	}
	gauge(hotDesc, float64(s.Hot))
	gauge(hotBytesDesc, float64(s.HotBytes))
	counter(rumorBytes, s.Bytes)
	gauge(copiesDesc, float64(s.Plan.K))
	gauge(lossDesc, s.Plan.Loss)
	for l := rumor.NoLimit; l <= rumor.LimitBudget; l++ {
		gauge(limitDesc, map[bool]float64{true: 1}[l == s.Plan.Limit], l.String())
	}
	ch <- delayMetric(s.Delays)
}

// delayMetric makes a histogram of what the machine has counted.
func delayMetric(d *replica.Delays) prometheus.Metric {
	count, sum, upTo := d.Counts()
	buckets := make(map[float64]uint64)
	for i, bound := range replica.DelayBounds {
		buckets[bound] = upTo[i]
	}
	return prometheus.MustNewConstHistogram(delayDesc, count, sum.Seconds(), buckets)
}
