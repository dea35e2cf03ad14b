package swim

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// listenFunc opens the sockets of a node; an invalid address means all.
type listenFunc func(addr netip.Addr, port uint16) (sockets, error)

// portTries is how often port 0 is tried: the kernel chooses a port that is
// free for streams, and it may be taken for packets.
const portTries = 16

// listenNet opens a TCP and a UDP socket with the same port.
func listenNet(addr netip.Addr, port uint16) (sockets, error) {
	for try := 1; ; try++ {
		s, err := listenOnce(addr, port)
		if err == nil || port != 0 || try == portTries || !errors.Is(err, syscall.EADDRINUSE) {
			return s, err
		}
	}
}

func listenOnce(addr netip.Addr, port uint16) (sockets, error) {
	family, host := "", "" // both families
	if addr.IsValid() {
		host = addr.String()
		switch {
		case addr.Is4():
			family = "4"
		case !addr.IsUnspecified():
			family = "6"
		}
	}
	streams, err := net.Listen("tcp"+family, net.JoinHostPort(host, strconv.Itoa(int(port))))
	if err != nil {
		return sockets{}, err
	}
	port = streams.Addr().(*net.TCPAddr).AddrPort().Port()
	packets, err := net.ListenPacket("udp"+family, net.JoinHostPort(host, strconv.Itoa(int(port))))
	if err != nil {
		_ = streams.Close()
		return sockets{}, err
	}
	// Linux caps the size silently; where it is refused the default remains.
	_ = packets.(*net.UDPConn).SetReadBuffer(recvBuffer)
	return sockets{packets: packets, streams: streams, dial: dialNet}, nil
}

func dialNet(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// listenAddr is the address that streams were bound to.
func (s sockets) listenAddr() netip.AddrPort {
	a := s.streams.Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
