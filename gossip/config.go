package gossip

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/ring"
	"github.com/grapevine-go/grapevine/rumor"
	"github.com/grapevine-go/grapevine/transport"
	"github.com/grapevine-go/grapevine/transport/swim"
)

// Preset is a set of membership timings that fits a kind of network.
type Preset = swim.Preset

// The presets.
const (
	LAN   = swim.LAN   // one data centre
	WAN   = swim.WAN   // across sites
	Local = swim.Local // loopback
)

// Config is what a node is started with. Cluster and Name are mandatory, and
// outside of loopback Keys and TLS, or Insecure; the zero value of every other
// field works.
type Config struct {
	// Cluster is the cluster's name, 1 to 128 bytes of printable ASCII without
	// spaces. Nodes of another name are refused, on both sides, so that two
	// clusters never merge through a recycled address. It is no secret.
	Cluster string
	// Name is the node's id: unique in the cluster and kept across restarts,
	// because the ring counts by it.
	Name peer.ID

	// Bind is the "host:port" of membership, UDP and TCP. The host may be an
	// IPv4 or IPv6 address, a name, or empty for all addresses; port 0 takes any
	// free one. Default ":7946".
	Bind string
	// Advertise is the "host:port" under which the others reach this node, if
	// that is not what Bind says. The data plane is reached at the same host, at
	// its own port.
	Advertise string
	// DataPort is the TCP port of the data plane, on Bind's host. 0 takes any
	// free one: the others are told.
	DataPort int
	// Seeds are members to find the cluster by, "host:port" or "host"; names are
	// resolved at each try. Without seeds the node begins a cluster of its own.
	// With seeds it does so only if every seed was reached and none of them
	// belongs to a cluster: give all nodes the same list.
	Seeds []string

	// Zone is the failure domain: owners of a key are spread over zones. At most
	// 64 bytes.
	Zone string
	// Weight is the node's share of the data relative to others, 1 to 1000.
	// Default 1.
	Weight uint32

	// Preset selects the timings of membership. Default LAN.
	Preset Preset
	// Keys encrypt membership packets: AES keys of 16, 24 or 32 bytes, the first
	// of which encrypts while all decrypt. The seal of session tokens is derived
	// from them, see [Node.Session].
	Keys [][]byte
	// TLS protects the data plane, mutually: it needs a certificate that is valid
	// for Name (or for TLS.ServerName), and the roots of the others'.
	TLS *tls.Config
	// Insecure allows to do without Keys or TLS beyond loopback. The node then
	// logs a warning.
	Insecure bool

	// Timeout bounds an operation whose context has no earlier deadline.
	// Default 5 s.
	Timeout time.Duration
	// MaxValue is the largest encoded value in bytes, at most 16 MiB, which is
	// the default.
	MaxValue int
	// MaxSkew is how far another node's clock may be ahead of this one's before
	// its readings are not followed. Default 1 s.
	MaxSkew time.Duration
	// SweepEvery is how often this node's tables are compared with those of
	// another member, on average; up to four times as seldom while nothing
	// differs, and sooner where something is known to have been lost. What is
	// found younger than this, 2 s at most, is left to arrive by itself. Default
	// 10 s.
	SweepEvery time.Duration
	// SyncRate bounds the bytes a second that comparisons which this node begins,
	// and its own fills, may move. Default 64 MiB; at least 64 KiB.
	SyncRate int

	// HintBytes is how much is kept for each owner that cannot be reached, of the
	// writes that this node coordinates or is a fallback of, to be sent when it is
	// back; see the guide.
	// Default 16 MiB; below zero: nothing is kept.
	HintBytes int
	// HintAge is how long a hint is kept. Default 1 h.
	HintAge time.Duration

	// Target is how fast and to how many an update of a table of [Everywhere]
	// spreads, and for how many bytes. The node measures loss, delay and load, and
	// chooses the copies and the pace that it takes; where that is not possible it
	// says so ([Hooks.Target], grapevine_target_limit). Default:
	// rumor.DefaultTarget, 99.9 % of the members within 500 ms, without a budget.
	Target rumor.Target

	// Logger takes what is worth telling. Nil: nothing is logged.
	Logger *slog.Logger
	// Registerer takes the node's metrics; two nodes in one process need
	// registerers that label them apart. Nil: the metrics are kept, and nobody
	// reads them.
	Registerer prometheus.Registerer
	// TracerProvider makes a span of OpenTelemetry for each operation that asks
	// owners, below the span of its context, with an event for each answer. Keys
	// are not in it. Nil: nothing is traced, at no cost.
	TracerProvider trace.TracerProvider
	// Hooks are called at the named moments.
	Hooks Hooks

	faults func(*transport.Config) // tests and measurements: a data plane with faults
}

// Hooks are functions that the node calls. Each may be nil. They may call
// everything, [Node.Close] too. A slow one delays only its own kind: members'
// changes, or repairs. One that panics is logged. None begins after Close has
// returned, and Close does not wait for one that runs.
//
// Those of repairs may run several at a time, and have a second: then the repair,
// and the read that waits for it, go on as if there were no hook, with a warning
// in the log (grapevine_hooks_late_total). The call goes on by itself. When
// sixteen hang, these hooks are not called until one has come back.
type Hooks struct {
	// Member is called for each change of another member, those during [Start]
	// among them, from one goroutine. A member's changes come in order; those
	// that pile up meanwhile are coalesced.
	Member func(Event)
	// OnDivergence is called after a read that found owners which lack something
	// that others have, whatever is done about it: also in quorum.RepairOff, and
	// where it was repaired before the read returned.
	OnDivergence func(Repair)
	// BeforeRepair is called before a read repairs owners that lacked something:
	// while the read waits in quorum.RepairBlocking, else after it has returned.
	// Returning false leaves them to the comparison of partitions, which repairs
	// them later in any case; monotonic reads are not promised then.
	BeforeRepair func(Repair) bool
	// AfterRepair is called when the repair was sent.
	AfterRepair func(Repair)
	// Target is called when [Config.Target] is no longer met, with what limits it,
	// and when it is met again. Changes in between that pile up are coalesced.
	Target func(rumor.Plan)
}

// Repair is a read's finding that some owners lack what others have.
type Repair struct {
	Table string
	Key   string
	Nodes []peer.ID // the owners that lack something
}

// FieldError is a problem of one field of a [Config].
type FieldError struct {
	Field   string
	Problem string
	Err     error // what it came from, such as syscall.EADDRINUSE; may be nil
}

// Error gives the field, the problem and where it came from.
func (e *FieldError) Error() string {
	text := fmt.Sprintf("gossip: Config.%s: %s", e.Field, e.Problem)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns [ErrConfig], and what the problem came from.
func (e *FieldError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrConfig}
	}
	return []error{ErrConfig, e.Err}
}

// Validate lists all problems of the configuration at once, each naming its
// field; the error wraps [ErrConfig]. It opens nothing and resolves no names.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, field, format string, args ...any) {
		if !ok {
			errs = append(errs, &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
		}
	}
	c = c.withDefaults()
	if err := c.Name.Validate(); err != nil {
		check(false, "Name", "%v", err)
	}
	check(printable(c.Cluster, 128) && c.Cluster != "", "Cluster", "%q: 1 to 128 bytes of printable ASCII without spaces are needed", c.Cluster)
	check(c.DataPort >= 0 && c.DataPort < 1<<16, "DataPort", "%d is no port", c.DataPort)
	check(c.Weight <= ring.MaxWeight, "Weight", "%d, at most %d", c.Weight, ring.MaxWeight)
	check(c.Timeout > 0, "Timeout", "%v is not positive", c.Timeout)
	check(c.MaxValue > 0 && c.MaxValue <= maxValue, "MaxValue", "%d bytes, 1 to %d are allowed", c.MaxValue, maxValue)
	check(c.MaxSkew > 0 && c.MaxSkew <= time.Hour, "MaxSkew", "%v, up to an hour is allowed", c.MaxSkew)
	check(c.SweepEvery >= 10*time.Millisecond, "SweepEvery", "%v is less than 10ms", c.SweepEvery)
	for _, err := range unjoin(c.Target.Validate()) {
		check(false, "Target", "%v", err)
	}
	check(c.HintAge > 0, "HintAge", "%v is not positive", c.HintAge)
	check(c.SyncRate >= 64<<10, "SyncRate", "%d bytes a second, at least 65536 are needed", c.SyncRate)
	check(printable(c.Zone, swim.MaxZone), "Zone", "%q: at most %d bytes of printable ASCII without spaces", c.Zone, swim.MaxZone)
	open := c.Insecure || c.loopback()
	check(open || len(c.Keys) > 0, "Keys", "empty, and Bind %q is not loopback: give a key, or set Insecure", c.Bind)
	check(open || c.TLS != nil, "TLS", "nil, and Bind %q is not loopback: give certificates, or set Insecure", c.Bind)
	errs = append(errs, c.tlsProblems()...)
	errs = append(errs, c.swimProblems()...)
	return errors.Join(errs...)
}

// tlsProblems takes over what the data plane has to say about its certificates.
func (c Config) tlsProblems() (errs []error) {
	for _, err := range unjoin(transport.Config{TLS: c.TLS}.Validate()) {
		var f *transport.ConfigError
		if errors.As(err, &f) && f.Field == "TLS" { // the other fields are not the user's
			errs = append(errs, &FieldError{Field: "TLS", Problem: f.Problem})
		}
	}
	return errs
}

// unjoin gives the parts of what errors.Join made.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return nil
}

// swimProblems takes over what membership has to say about its fields.
func (c Config) swimProblems() (errs []error) {
	s := c.swim(peer.Boot{Nonce: 1})
	if s.ID.Validate() != nil {
		s.ID = "a" // told already
	}
	if s.Cluster == "" || len(s.Cluster) > swim.MaxCluster {
		s.Cluster = "a"
	}
	s.Zone = ""
	for _, err := range unjoin(s.Validate()) {
		errs = append(errs, configError(err))
	}
	return errs
}

// configError names the field that membership complains about as a field of
// this package's.
func configError(err error) error {
	var f *swim.FieldError
	if !errors.As(err, &f) {
		return err
	}
	return &FieldError{Field: f.Field, Problem: f.Problem, Err: f.Err}
}

func (c Config) withDefaults() Config {
	if c.Bind == "" {
		c.Bind = fmt.Sprintf(":%d", swim.DefaultPort)
	}
	if c.Weight == 0 {
		c.Weight = 1
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.MaxValue == 0 {
		c.MaxValue = maxValue
	}
	if c.MaxSkew == 0 {
		c.MaxSkew = time.Second
	}
	if c.SweepEvery == 0 {
		c.SweepEvery = 10 * time.Second
	}
	if c.Target == (rumor.Target{}) {
		c.Target = rumor.DefaultTarget()
	}
	if c.HintBytes == 0 {
		c.HintBytes = 16 << 20
	}
	if c.HintAge == 0 {
		c.HintAge = time.Hour
	}
	if c.SyncRate == 0 {
		c.SyncRate = 64 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// maxValue leaves room for what a state adds to a value.
const maxValue = 16 << 20

func (c Config) swim(boot peer.Boot) swim.Config {
	return swim.Config{
		ID: c.Name, Boot: boot, Cluster: c.Cluster, Bind: c.Bind, Advertise: c.Advertise,
		Zone: c.Zone, Weight: c.Weight, Versions: swim.Versions{Min: wire.MinVersion, Max: wire.MaxVersion},
		Seeds: c.Seeds, Preset: c.Preset, Keys: c.Keys, Logger: c.Logger,
	}
}

// loopback reports whether nothing but this machine can reach the node. Of an
// address that is none it is not asked: that is another problem.
func (c Config) loopback() bool {
	host, _, err := net.SplitHostPort(c.Bind)
	if err != nil {
		return true
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func printable(s string, most int) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= most
}

// Errors of a node and its tables; those of operations are in package quorum.
var (
	// ErrConfig is wrapped by every [FieldError].
	ErrConfig = errors.New("gossip: invalid config")
	// ErrClosed: the node was closed; nothing was done.
	ErrClosed = errors.New("gossip: node is closed")
	// ErrKey: the key is empty or longer than 4 KiB (then quorum.ErrTooLarge is
	// wrapped too); nothing was done.
	ErrKey = fmt.Errorf("gossip: a key has 1 to %d bytes", wire.MaxKey)
)
