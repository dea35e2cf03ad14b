// Package ring imports what only tests may, and a module nobody gave a reason for.
package ring

import (
	_ "example.com/consistent"       // want "has no rule"
	_ "github.com/google/go-cmp/cmp" // want "which is for tests"

	_ "github.com/grapevine-go/grapevine/crdt"
	_ "github.com/grapevine-go/grapevine/peer"
)
