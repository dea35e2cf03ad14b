package peer

import "testing"

func TestPeer(*testing.T) {}
