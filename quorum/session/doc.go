// Package session keeps what one client has written and read, so that it is
// never shown less: the session guarantees of Terry et al., "Session Guarantees
// for Weakly Consistent Replicated Data" (PDIS 1994), chosen one by one.
//
// A [Session] holds the newest keys with the [Version] that the client has
// written or read of each. A read in the session must return a state that covers
// it, from whichever owners; a write is stamped above the session's clock.
// Nothing here asks anybody: [Session.Read] says what a read needs, and whoever
// carries it out tells what came of it ([Session.Saw], [Session.Wrote]).
//
// A session is bounded. What it does not hold key by key it folds: of a 256th of
// a table's keys it then knows only that everything which it has seen there is at
// W owners at least, so that a read of more than N-W meets it. A version that was
// read and is not known to be at W owners is held, or else brought there before
// the read returns ([Need.Keep]); it is never folded.
//
// [Session.Token] carries a session to another process, through a client that
// is not trusted: sealed by [Sealer], compact, bounded.
package session
