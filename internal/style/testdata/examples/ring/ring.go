// Package ring shows its use.
package ring
