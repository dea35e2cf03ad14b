package node

import (
	"errors"

	"github.com/grapevine-go/grapevine/examples/cachecluster/server"
	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// codes are the codes that clients see, by the cause of the error, unless the
// outcome is unknown, which has a code of its own: clients retry TRYAGAIN,
// CLUSTERDOWN and LOADING by themselves, so these are only for what was surely
// not applied.
var codes = []struct {
	err  error
	code string
}{
	{quorum.ErrTooLarge, "ERR"},
	{gossip.ErrKey, "ERR"},
	{gossip.ErrNotReady, "LOADING"},
	{quorum.ErrOverloaded, "TRYAGAIN"},
	{quorum.ErrUnsettled, "TRYAGAIN"},
	{quorum.ErrTimeout, "TIMEOUT"},
	{quorum.ErrUnavailable, "CLUSTERDOWN"},
}

// coded gives an error of the table the code that clients see.
func coded(err error) error {
	if err == nil {
		return nil
	}
	cause := err // and not what single owners had to say, which errors.Is finds too
	var failed *quorum.Error
	if errors.As(err, &failed) {
		cause = failed.Cause
	}
	if errors.Is(err, quorum.ErrUnknown) {
		return &server.Error{Code: "UNKNOWN", Err: err}
	}
	for _, c := range codes {
		if errors.Is(cause, c.err) {
			return &server.Error{Code: c.code, Err: err}
		}
	}
	return err
}
