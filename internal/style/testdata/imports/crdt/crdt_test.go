package crdt

import (
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/stretchr/testify/assert" // want "has no rule"

	_ "github.com/grapevine-go/grapevine/bench/load" // want "crdt imports bench/load"
	_ "github.com/grapevine-go/grapevine/gossiptest"
)
