// Package wire is for nobody outside.
package wire
