//go:build race

package gossip_test

const underRace = true
