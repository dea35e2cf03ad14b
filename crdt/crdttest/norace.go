//go:build !race

package crdttest

const shallower = 0
