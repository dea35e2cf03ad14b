package quorum

import "github.com/grapevine-go/grapevine/quorum/session"

// In makes a call part of a session, whose guarantees then hold for it. A read
// that meets no owner with what the session has seen waits for one, and fails
// with [ErrSessionLost] at its deadline. Nil: none.
func In(s *session.Session) Option { return func(c *Call) { c.Session = s } }
