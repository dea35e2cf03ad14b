package transport

import (
	"errors"
	"fmt"
)

// The errors a call ends with. [MayHaveArrived] tells for each error value
// whether the request may have reached the peer; the comments say the usual
// case.
var (
	// ErrUnreachable: there is no connection and the request was not sent. It
	// wraps the reason, a refusal such as [ErrCluster] among them.
	ErrUnreachable = errors.New("transport: peer unreachable")
	// ErrOverloaded: too much is in flight to this peer and the request was not
	// sent, or the peer refused it before serving it. See [OverloadError].
	ErrOverloaded = errors.New("transport: overloaded")
	// ErrTooLarge: the request is above the limit of this node or of the peer,
	// and was not sent.
	ErrTooLarge = errors.New("transport: request too large")
	// ErrReplyTooLarge: the request was served, but its reply is above the
	// limit of this node.
	ErrReplyTooLarge = errors.New("transport: reply too large")
	// ErrTimeout: the deadline passed; the request may have been served.
	ErrTimeout = errors.New("transport: deadline exceeded")
	// ErrConnLost: the connection ended before the reply; the request may have
	// been served.
	ErrConnLost = errors.New("transport: connection lost")
	// ErrCanceled: the caller withdrew the request; it may have been served.
	ErrCanceled = errors.New("transport: canceled")
	// ErrClosed: the transport was closed, or the peer removed; the request may
	// have been served if it was sent before.
	ErrClosed = errors.New("transport: closed")
)

// The reasons for which two nodes refuse each other. A refused connection
// changes nothing on either side; both log it.
var (
	// ErrCluster: the other node is of another cluster.
	ErrCluster = errors.New("transport: other cluster")
	// ErrVersion: there is no protocol version that both speak.
	ErrVersion = errors.New("transport: no common protocol version")
	// ErrIdentity: another node answers at this address, or a certificate does
	// not carry the name its owner claims.
	ErrIdentity = errors.New("transport: other node than the one addressed")
	// ErrTLS: one side speaks TLS and the other does not, or a certificate was
	// not accepted.
	ErrTLS = errors.New("transport: TLS mismatch")
	// ErrBusy: the other node has as many connections as it allows.
	ErrBusy = errors.New("transport: too many connections")
)

// ErrProtocol is wrapped by the errors of a peer that does not keep to the
// frame protocol; its connection is closed.
var ErrProtocol = errors.New("transport: protocol violation")

// ErrConfig is wrapped by every [ConfigError].
var ErrConfig = errors.New("transport: invalid config")

// ConfigError names a field of [Config] and what is wrong with it.
type ConfigError struct {
	Field   string
	Problem string
}

// Error gives the field and the problem.
func (e *ConfigError) Error() string { return fmt.Sprintf("%v: %s %s", ErrConfig, e.Field, e.Problem) }

// Unwrap returns [ErrConfig].
func (e *ConfigError) Unwrap() error { return ErrConfig }

// callError is the end of a call of which it is known that nothing was sent,
// where its sentinel alone would leave that open.
type callError struct{ err error }

func (e *callError) Error() string { return e.err.Error() + " before it was sent" }
func (e *callError) Unwrap() error { return e.err }

// The unsent variants are values, so that ending a call allocates nothing.
var unsentErrors = map[error]error{
	ErrTimeout:  &callError{ErrTimeout},
	ErrCanceled: &callError{ErrCanceled},
	ErrClosed:   &callError{ErrClosed},
	ErrConnLost: &callError{ErrUnreachable},
}

// unsent gives the form of a sentinel that says that nothing was sent.
func unsent(err error) error {
	if u, ok := unsentErrors[err]; ok {
		return u
	}
	return err
}

// MayHaveArrived reports whether a request whose call ended with err may have
// reached the peer's [Handler]: false only if it certainly did not. For nil, the
// end of a call that was answered, and for errors of other packages it is true.
func MayHaveArrived(err error) bool {
	var e *callError
	return !errors.As(err, &e) &&
		!errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrOverloaded) && !errors.Is(err, ErrTooLarge)
}

var errHalfOpen = fmt.Errorf("%w: nothing heard, not even the answer to a ping", ErrConnLost)
