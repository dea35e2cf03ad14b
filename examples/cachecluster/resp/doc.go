// Package resp reads commands and writes replies of RESP2 and RESP3, the
// protocol between Redis clients and servers.
//
// The idea is to parse where the bytes lie. A [Reader] keeps what it received
// in one buffer and hands out commands whose arguments point into it, so a
// pipeline of small commands costs no allocation and one read; a [Writer]
// collects replies in one buffer and writes it once. The calling loop is
//
//	for {
//		for {
//			cmd, ok, err := r.Next() // every command that has arrived …
//			…
//		}
//		w.Flush() // … is answered before the connection is asked for more
//		r.Fill()
//	}
//
// Nothing that a peer declares is allocated before it arrives: lengths are
// checked against [Limits] first, and the buffer grows only as it fills up.
//
// Source: the Redis serialization protocol specification (RESP2, RESP3) and,
// for inline commands and the wording of protocol errors, the behaviour of
// Redis 7.
package resp
