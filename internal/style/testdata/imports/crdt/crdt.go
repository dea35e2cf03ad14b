// Package crdt imports what it must not.
package crdt

import (
	_ "fmt"

	_ "github.com/cespare/xxhash/v2"
	_ "github.com/hashicorp/memberlist" // want "which is for transport/swim"

	_ "github.com/grapevine-go/grapevine"       // want "crdt imports ., but of the library only: nothing"
	_ "github.com/grapevine-go/grapevine/store" // want "crdt imports store, but of the library only: nothing"
)
