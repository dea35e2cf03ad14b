// Package twice is documented here.
package twice // want "documented in 2 files"
