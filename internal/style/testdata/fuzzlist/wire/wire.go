package wire

import "testing"

// FuzzNever is not in a test file, where go test would find it.
func FuzzNever(f *testing.F) {} // want "make fuzz does not find FuzzNever"
