// Package good says its idea, which is to be complained of by no rule, its
// source, which is the habit of the standard library, and its use, which is to
// be read here: nothing in it can be called.
package good
