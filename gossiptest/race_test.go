//go:build race

package gossiptest

// underRace: the detector makes a run twenty times as slow, and finds nothing in
// a simulation, which has one thread: a few seeds show that it stays so.
const underRace = true
