//go:build race

package crdttest

// shallower is by how many operations schedules are shorter under the race
// detector, which takes ten times as long and finds what it can find in one of
// them.
const shallower = 1
