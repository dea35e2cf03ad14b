// Package session keeps what one client has written and read, so that it is
// never shown less: the session guarantees of Terry et al., "Session Guarantees
// for Weakly Consistent Replicated Data" (1994).
//
// A [Version] is what a client has seen of one key. A read in a session must
// return a state that covers it, from whichever owners it is asked.
package session
