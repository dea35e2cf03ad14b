package swim

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/memberlist"

	"github.com/grapevine-go/grapevine/peer"
)

// Limits of what a [Config] may say, in bytes.
const (
	MaxCluster = memberlist.LabelMaxSize // of the cluster name
	MaxZone    = 64                      // of the zone
)

// DefaultPort is the port of a seed that names none, and of an empty
// [Config.Bind].
const DefaultPort = 7946

const minRejoin = 100 * time.Millisecond

// Preset is a set of timings that fits a kind of network.
type Preset uint8

// The presets. All know of a crashed member after some 5 to 15 s with LAN and
// Local, 40 to 60 s with WAN; the larger the cluster, the longer.
const (
	LAN   Preset = iota // one data centre: a probe a second, answered within 500 ms
	WAN                 // across sites: a probe each 5 s, answered within 3 s
	Local               // loopback: a probe a second, answered within 200 ms
)

// String gives the name of the preset.
func (p Preset) String() string {
	switch p {
	case LAN:
		return "LAN"
	case WAN:
		return "WAN"
	case Local:
		return "Local"
	}
	return fmt.Sprintf("Preset(%d)", uint8(p))
}

// Versions is the range of protocol versions that a node speaks on its data
// port, both ends included.
type Versions struct{ Min, Max uint8 }

// Config is what [Start] needs. ID, Boot and Cluster are mandatory.
type Config struct {
	// ID names the node, unique in the cluster.
	ID peer.ID
	// Boot is this life of the node. The nonce must not be zero. The counter
	// may be 0 as long as the node has not learned it from the cluster; see
	// [Swim.SetCounter].
	Boot peer.Boot
	// Cluster is the name of the cluster, 1 to MaxCluster bytes. It marks each
	// packet and stream; a node of another name is refused. It is no secret.
	Cluster string

	// Bind is the "host:port" to listen on, for packets and streams alike.
	// The host may be an IPv4 or IPv6 address, a name, or empty for all
	// addresses of both families. Port 0 takes any free one. Empty: ":7946".
	Bind string
	// Advertise is the "host:port" under which others reach the node; names
	// are resolved at start, an empty host or port 0 is taken from Bind. Empty:
	// the address bound, or, when that is all addresses, a private address of
	// an interface.
	Advertise string
	// Data is the address of the node's data port, told to the others. An
	// unspecified address (0.0.0.0, ::) is replaced by the advertised one. The
	// zero value: no data port.
	Data netip.AddrPort

	// Zone and Weight are told to the others and mean nothing here. Zone: at
	// most MaxZone bytes of UTF-8.
	Zone   string
	Weight uint32
	// Versions is told to the others and means nothing here.
	Versions Versions

	// Seeds are the members that Join contacts when it is given none, each
	// "host:port" or "host", names resolved anew at each try.
	Seeds []string
	// Preset selects the timings.
	Preset Preset
	// Keys are AES keys of 16, 24 or 32 bytes (AES-128, -192, -256). The first
	// one encrypts, all decrypt. Empty: packets are in the clear, and only
	// nodes without keys are accepted.
	Keys [][]byte
	// Rejoin is the mean time between two attempts to reach members that
	// failed, and seeds that are not members. 0: 10 s with LAN, 20 s with WAN,
	// 5 s with Local. Negative: never, and then a partition of more than
	// about that time does not heal by itself. Otherwise at least 100 ms.
	Rejoin time.Duration

	// OnEvent is called for each change of another member, from one goroutine,
	// so a slow one delays only the events behind it. Any call is allowed in
	// it, but others may find the node before Start has returned. Events that
	// pile up are coalesced: see [Event]. Nil: none wanted.
	OnEvent func(Event)
	// OnReplaced is called once, from the same goroutine, when a newer boot of
	// this node's own id is known to be alive: it answered a ping. The node
	// should stop. Nil: not wanted.
	OnReplaced func(Member)

	// Logger takes memberlist's lines and this package's own. Nil: nothing is
	// logged. Its handler may be called under memberlist's locks: it must not
	// call back into the [Swim].
	Logger *slog.Logger

	listen listenFunc                 // tests: a network in memory
	tune   func(c *memberlist.Config) // tests: shorter times
}

// FieldError is one thing wrong with a [Config].
type FieldError struct {
	Field   string // as in Config, "Seeds[2]"
	Problem string // what is wrong with the value, which is quoted
	Err     error  // what it came from, when it came from elsewhere
}

// Error names the field and the problem.
func (e *FieldError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("swim: Config.%s: %s: %v", e.Field, e.Problem, e.Err)
	}
	return fmt.Sprintf("swim: Config.%s: %s", e.Field, e.Problem)
}

// Unwrap gives the cause, if there is one.
func (e *FieldError) Unwrap() error { return e.Err }

// Validate reports everything that is wrong with the configuration: nil, or
// [errors.Join] of one *[FieldError] each. Names are not resolved and nothing
// is opened.
func (c Config) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	if err := c.ID.Validate(); err != nil {
		errs = append(errs, &FieldError{Field: "ID", Problem: "not usable", Err: err})
	}
	if c.Boot.Nonce == 0 {
		bad("Boot", "the nonce is 0; it must be random")
	}
	if n := len(c.Cluster); n == 0 || n > MaxCluster {
		bad("Cluster", "%d bytes; 1 to %d are allowed", n, MaxCluster)
	}
	if c.Preset > Local {
		bad("Preset", "%d is not a preset", c.Preset)
	}
	if c.Rejoin > 0 && c.Rejoin < minRejoin {
		bad("Rejoin", "%v; at least %v", c.Rejoin, minRejoin)
	}
	errs = append(errs, c.validateMeta()...)
	errs = append(errs, c.validateAddresses()...)
	for i, k := range c.Keys {
		if err := memberlist.ValidateKey(k); err != nil {
			bad(fmt.Sprintf("Keys[%d]", i), "%d bytes; 16, 24 or 32 are allowed", len(k))
		}
	}
	return errors.Join(errs...)
}

// validateMeta checks what is only passed on.
func (c Config) validateMeta() []error {
	var errs []error
	if len(c.Zone) > MaxZone || !utf8.ValidString(c.Zone) {
		errs = append(errs, zoneError(c.Zone))
	}
	if c.Versions.Min > c.Versions.Max {
		errs = append(errs, &FieldError{Field: "Versions",
			Problem: fmt.Sprintf("%d to %d is no range", c.Versions.Min, c.Versions.Max)})
	}
	switch {
	case c.Data == netip.AddrPort{}:
	case !c.Data.IsValid() || c.Data.Port() == 0 || c.Data.Addr().Zone() != "":
		errs = append(errs, &FieldError{Field: "Data",
			Problem: fmt.Sprintf("%v: an address without zone and a port are needed", c.Data)})
	}
	return errs
}

func zoneError(zone string) error {
	return &FieldError{Field: "Zone",
		Problem: fmt.Sprintf("%q has %d bytes; at most %d of UTF-8 are allowed", zone, len(zone), MaxZone)}
}

// timings gives memberlist's configuration for the preset.
func (p Preset) timings() *memberlist.Config {
	switch p {
	case WAN:
		return memberlist.DefaultWANConfig()
	case Local:
		return memberlist.DefaultLocalConfig()
	}
	return memberlist.DefaultLANConfig()
}
