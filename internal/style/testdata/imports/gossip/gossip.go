// Package gossip leans on its own tests.
package gossip

import (
	_ "github.com/grapevine-go/grapevine/gossiptest" // want "gossip imports gossiptest"
	_ "github.com/grapevine-go/grapevine/transport/swim"
	_ "github.com/prometheus/client_golang/prometheus"
)
