// Package tool is a program, whose documentation begins with another word than
// that of a package, because nobody imports it and its reader wants to know
// what it does and how to call it.
package main // want "does not begin with"

func main() {}
