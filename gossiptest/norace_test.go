//go:build !race

package gossiptest

const underRace = false
