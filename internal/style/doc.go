// Package style holds the project's style, as tests.
//
// What a reviewer would have to say twice is a rule here: which package may
// import which, what a core must not call, what is documented, how long a file
// may grow. Each rule has its reason beside it, and a negative control: a small
// tree in testdata, named after the rule, that breaks it on every line marked
//
//	want "part of the message"
//
// and on no other. A rule that stops seeing its control fails, so a rule that
// holds nothing cannot stay.
//
// The idea is that of TigerBeetle's tidy and of Tailscale's dependency and
// package-documentation tests: what can be checked is not discussed. The rules
// read the source with go/parser alone, whatever its build tags, and need no
// module beyond the standard library.
//
// To add a package, give it a line in the table layers (layers_test.go); to add
// a dependency, one in the table modules. Both ask for a reason.
package style
