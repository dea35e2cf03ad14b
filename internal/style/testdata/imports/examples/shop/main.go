// Command shop shows users what they cannot import. A nested module answers for
// its own dependencies.
package main

import (
	_ "example.com/anything"

	_ "github.com/grapevine-go/grapevine/gossip"
	_ "github.com/grapevine-go/grapevine/internal/wire" // want "users copy from it"
)

func main() {}
