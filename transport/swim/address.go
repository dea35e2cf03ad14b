package swim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// resolveTimeout bounds the name look-ups of Start, which has no context.
const resolveTimeout = 5 * time.Second

// splitHostPort parses "host:port" as [net.SplitHostPort] does, with a numeric
// port. Addresses with a zone are refused: memberlist cannot carry the zone.
func splitHostPort(s string) (host string, port uint16, err error) {
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q is not a number from 0 to 65535", p)
	}
	return host, uint16(n), checkHost(host)
}

func checkHost(host string) error {
	if strings.ContainsAny(host, " \t\r\n/%[]") {
		return fmt.Errorf("host %q is neither an address nor a name", host)
	}
	if strings.Contains(host, ":") {
		_, err := netip.ParseAddr(host)
		return err
	}
	return nil
}

// splitSeed parses "host:port" or "host", where an IPv6 address without a port
// needs no brackets.
func splitSeed(s string) (host string, port uint16, err error) {
	bare := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	if _, bad := netip.ParseAddr(bare); bad == nil || !strings.Contains(s, ":") {
		if host, port = s, DefaultPort; bad == nil {
			host = bare
		}
		err = checkHost(host)
	} else {
		host, port, err = splitHostPort(s)
	}
	switch {
	case err != nil:
		return "", 0, err
	case host == "":
		return "", 0, errors.New("the host is empty")
	case port == 0:
		return "", 0, errors.New("the port is 0")
	}
	return host, port, nil
}

// validateAddresses checks the form of the addresses and names.
func (c Config) validateAddresses() []error {
	var errs []error
	check := func(field, value string, err error) {
		if err != nil {
			errs = append(errs, &FieldError{Field: field, Problem: strconv.Quote(value), Err: err})
		}
	}
	if c.Bind != "" {
		_, _, err := splitHostPort(c.Bind)
		check("Bind", c.Bind, err)
	}
	if c.Advertise != "" {
		_, _, err := splitHostPort(c.Advertise)
		check("Advertise", c.Advertise, err)
	}
	for i, s := range c.Seeds {
		_, _, err := splitSeed(s)
		check(fmt.Sprintf("Seeds[%d]", i), s, err)
	}
	return errs
}

// lookup resolves a host to its addresses, IPv4 ones first. An address is its
// own resolution.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var v4, v6 []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); a.Is4() {
			v4 = append(v4, a)
		} else if a.Zone() == "" {
			v6 = append(v6, a)
		}
	}
	return append(v4, v6...), nil
}

// lookupOne resolves a host to the address to bind or to advertise.
func lookupOne(host string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	addrs, err := lookup(ctx, host)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(addrs) == 0 {
		return netip.Addr{}, fmt.Errorf("%q has no address", host)
	}
	return addrs[0], nil
}

// bindAddress gives what to listen on; the address is invalid for "all".
func (c Config) bindAddress() (netip.Addr, uint16, error) {
	if c.Bind == "" {
		return netip.Addr{}, DefaultPort, nil
	}
	host, port, err := splitHostPort(c.Bind)
	if err != nil || host == "" {
		return netip.Addr{}, port, err
	}
	addr, err := lookupOne(host)
	return addr, port, err
}

// advertiseAddress gives what to tell the others, once bound is known.
func (c Config) advertiseAddress(bound netip.AddrPort) (netip.AddrPort, error) {
	host, port := "", uint16(0)
	if c.Advertise != "" {
		var err error
		if host, port, err = splitHostPort(c.Advertise); err != nil {
			return netip.AddrPort{}, err
		}
	}
	if port == 0 {
		port = bound.Port()
	}
	addr, err := bound.Addr(), error(nil)
	switch {
	case host != "":
		addr, err = lookupOne(host)
	case addr.IsUnspecified():
		addr, err = privateAddress(addr)
	}
	if err == nil && addr.IsUnspecified() {
		err = fmt.Errorf("%v cannot be reached by others", addr)
	}
	return netip.AddrPortFrom(addr, port), err
}

// privateAddress picks an address of an interface under which others are
// likely to reach a node that listens on all: private IPv4 before private IPv6.
func privateAddress(bound netip.Addr) (netip.Addr, error) {
	addrs, err := interfaceAddresses()
	if err != nil {
		return netip.Addr{}, err
	}
	var v6 netip.Addr
	for _, a := range addrs {
		switch {
		case !a.IsPrivate() || !bound.Is6() && a.Is6():
		case a.Is4():
			return a, nil
		case !v6.IsValid():
			v6 = a
		}
	}
	if !v6.IsValid() {
		return v6, errors.New("no interface has a private address; set it")
	}
	return v6, nil
}

func interfaceAddresses() ([]netip.Addr, error) {
	nets, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, n := range nets {
		if p, err := netip.ParsePrefix(n.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap().WithZone(""))
		}
	}
	return addrs, nil
}

// jitter spreads d evenly over 75 % to 125 %.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(rand.Int64N(int64(d)/2+1))
}
