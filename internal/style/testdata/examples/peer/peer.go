// Package peer has tests and shows no use.
package peer // want "package peer has no Example"
