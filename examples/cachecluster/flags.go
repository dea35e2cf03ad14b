package main

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/grapevine-go/grapevine/gossip"
)

// flagOf is the flag that a field of gossip.Config comes from.
var flagOf = map[string]string{
	"Name": "-node", "Cluster": "-cluster", "Bind": "-listen", "Seeds": "-join", "MaxValue": "-maxvalue",
	"Keys": "-secrets", "TLS": "-secrets",
}

// inFlags tells the problems of a configuration in the words of the command
// line. Other errors stay as they are.
func inFlags(err error) error {
	var problems []error
	for _, f := range fieldErrors(err) {
		name, _, _ := strings.Cut(f.Field, "[") // Seeds[1], Keys[0]
		flag, ok := flagOf[name]
		switch {
		case name == "Advertise": // which has no flag: it follows from -listen
			problems = append(problems, fmt.Errorf("-listen: name one address of this machine instead of all: %w", f.Err))
		case !ok:
			return err
		case f.Err != nil:
			problems = append(problems, fmt.Errorf("%s: %s: %w", flag, f.Problem, f.Err))
		default:
			problems = append(problems, fmt.Errorf("%s: %s", flag, f.Problem))
		}
	}
	if problems == nil {
		return err
	}
	return errors.Join(problems...)
}

// fieldErrors finds the problems of fields in an error.
func fieldErrors(err error) (fields []*gossip.FieldError) {
	if f, ok := err.(*gossip.FieldError); ok {
		return append(fields, f)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, part := range joined.Unwrap() {
			fields = append(fields, fieldErrors(part)...)
		}
	}
	return fields
}

// checkExposure wants the traffic between nodes to be protected where other
// machines can reach it. An address that is none is not this one's problem.
func (o options) checkExposure() error {
	_, _, err := net.SplitHostPort(o.listen)
	if err != nil || onLoopback(o.listen) || o.secrets != "" || o.insecure {
		return nil
	}
	return fmt.Errorf("-listen %s can be reached from other machines: protect the traffic between nodes with -secrets DIR, or do without by -insecure", o.listen)
}
