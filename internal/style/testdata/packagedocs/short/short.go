// Package short does short things.
package short // want "too few to say"
