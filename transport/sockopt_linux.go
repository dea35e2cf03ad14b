package transport

import (
	"net"
	"syscall"
)

const (
	tcpNotSentLowat = 25 // TCP_NOTSENT_LOWAT, tcp(7)
	unsentLimit     = 2 * maxFrame
)

// boundUnsent bounds what the kernel takes from us before it can send it: what
// lies there can no longer be overtaken by a more urgent frame. It does nothing
// on connections that are not TCP, and a failure only costs latency.
func boundUnsent(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, unsentLimit)
	})
}
