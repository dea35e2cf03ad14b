// Package gossip is a shell, which does all of it.
package gossip

import (
	"net"
	"time"
)

func accept(l net.Listener) {
	go func() { l.Accept() }()
	<-time.After(time.Second)
}
