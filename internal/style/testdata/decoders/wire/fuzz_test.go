package wire

import "testing"

func FuzzHello(f *testing.F) { f.Fuzz(func(t *testing.T, p []byte) { DecodeHello(p) }) }
