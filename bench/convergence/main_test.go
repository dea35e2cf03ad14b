package convergence

import (
	"testing"

	"go.uber.org/goleak"
)

// Memberlist, which is measured here as it is, lets a probe of a silent member
// go on for some seconds after it was shut down.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))
}
