package swim

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/peer"
)

// fields lists what an error complains about.
func fields(err error) []string {
	if err == nil {
		return nil
	}
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	var names []string
	for _, e := range errs {
		var f *FieldError
		if errors.As(e, &f) {
			names = append(names, f.Field)
		}
	}
	return names
}

func TestValidateListsEverything(t *testing.T) {
	bad := Config{
		ID: "a b", Preset: 9, Rejoin: 1, Zone: "\xff", Versions: Versions{2, 1},
		Data: netip.MustParseAddrPort("10.0.0.1:0"),
		Bind: "localhost", Advertise: "[fe80::1%eth0]:1",
		Seeds: []string{"ok:1", "ok", "::1", "a:b", "", "x:0"},
		Keys:  [][]byte{make([]byte, 16), make([]byte, 5)},
	}
	want := []string{"ID", "Boot", "Cluster", "Preset", "Rejoin", "Zone", "Versions", "Data",
		"Bind", "Advertise", "Seeds[3]", "Seeds[4]", "Seeds[5]", "Keys[1]"}
	if diff := cmp.Diff(want, fields(bad.Validate())); diff != "" {
		t.Error(diff)
	}
	s, err := Start(bad)
	if diff := cmp.Diff(want, fields(err)); diff != "" || s != nil {
		t.Error(diff)
	}
	if err := config("a", 1).Validate(); err != nil {
		t.Error(err)
	}
	least := Config{ID: "a", Boot: peer.Boot{Nonce: 1}, Cluster: "c"}
	if err := least.Validate(); err != nil {
		t.Error(err)
	}
	least.Cluster = strings.Repeat("c", MaxCluster+1)
	if diff := cmp.Diff([]string{"Cluster"}, fields(least.Validate())); diff != "" {
		t.Error(diff)
	}
}

func TestFieldErrorWrapsItsCause(t *testing.T) {
	err := Config{ID: "a b", Boot: peer.Boot{Nonce: 1}, Cluster: "c"}.Validate()
	if !errors.Is(err, peer.ErrID) || !strings.Contains(err.Error(), "Config.ID") {
		t.Error(err)
	}
}

func TestSeedForms(t *testing.T) {
	for seed, want := range map[string]string{
		"host": "host 7946", "host:5": "host 5", "10.0.0.1": "10.0.0.1 7946", "10.0.0.1:5": "10.0.0.1 5",
		"::1": "::1 7946", "[::1]": "::1 7946", "[::1]:5": "::1 5",
		"": "", ":5": "", "host:": "", "host:x": "", "host:70000": "", "a/b:1": "", "[host]": "", "[host]:1": "host 1",
		"fe80::1%eth0": "", "a b": "", "1:2:3": "",
	} {
		host, port, err := splitSeed(seed)
		got := ""
		if err == nil {
			got = host + " " + portString(port)
		}
		if got != want {
			t.Errorf("%q gives %q, want %q (%v)", seed, got, want, err)
		}
	}
}

func portString(p uint16) string {
	return strings.TrimPrefix(netip.AddrPortFrom(netip.IPv4Unspecified(), p).String(), "0.0.0.0:")
}

func TestAdvertiseAddress(t *testing.T) {
	bound := netip.MustParseAddrPort("10.1.2.3:99")
	for advertise, want := range map[string]string{
		"": "10.1.2.3:99", ":5": "10.1.2.3:5", "192.168.0.9:0": "192.168.0.9:99", "[2001:db8::1]:7": "[2001:db8::1]:7",
	} {
		got, err := Config{Advertise: advertise}.advertiseAddress(bound)
		if err != nil || got.String() != want {
			t.Errorf("%q gives %v, want %s (%v)", advertise, got, want, err)
		}
	}
	if got, err := (Config{Advertise: "0.0.0.0:1"}).advertiseAddress(bound); err == nil {
		t.Error(got)
	}
	for _, all := range []string{"0.0.0.0:99", "[::]:99"} {
		got, err := Config{}.advertiseAddress(netip.MustParseAddrPort(all))
		if err == nil && (!got.Addr().IsPrivate() || got.Port() != 99) { // the machine may have none
			t.Errorf("%s is advertised as %v", all, got)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{LAN.String(), "LAN"}, {WAN.String(), "WAN"}, {Local.String(), "Local"}, {Preset(9).String(), "Preset(9)"},
		{Alive.String(), "alive"}, {Suspect.String(), "suspect"}, {Dead.String(), "dead"}, {Left.String(), "left"}, {State(9).String(), "State(9)"},
		{Join.String(), "join"}, {Leave.String(), "leave"}, {Fail.String(), "fail"}, {Update.String(), "update"}, {EventKind(9).String(), "EventKind(9)"},
	} {
		if c.got != c.want {
			t.Error(c.got, c.want)
		}
	}
}
