//go:build !linux

package transport

import "net"

// boundUnsent does nothing here: the credit of each stream alone bounds what
// the kernel holds.
func boundUnsent(net.Conn) {}
