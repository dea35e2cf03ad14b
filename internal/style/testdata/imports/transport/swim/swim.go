// Package swim may import memberlist, and still not the data.
package swim

import (
	_ "github.com/hashicorp/memberlist"

	_ "github.com/grapevine-go/grapevine/store" // want "transport/swim imports store, but of the library only: peer, transport"
)
