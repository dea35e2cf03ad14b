//go:build race

package wire

// underRace: the detector makes tests of one goroutine twenty times as slow, and
// finds nothing in them.
const underRace = true
