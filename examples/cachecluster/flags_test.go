package main

import (
	"errors"
	"io"
	"testing"

	"github.com/grapevine-go/grapevine/gossip"
)

func TestInFlags(t *testing.T) {
	inner := errors.New("no interface has a private address")
	for _, tc := range []struct {
		err  error
		want string
	}{
		{io.EOF, "EOF"},
		{&gossip.FieldError{Field: "Advertise", Problem: `""`, Err: inner}, "-listen: name one address of this machine instead of all: no interface has a private address"},
		{&gossip.FieldError{Field: "Keys[1]", Problem: "5 bytes"}, "-secrets: 5 bytes"},
		{&gossip.FieldError{Field: "SweepEvery", Problem: "too short"}, "gossip: Config.SweepEvery: too short"}, // no flag: say it as it is
		{errors.Join(&gossip.FieldError{Field: "Name", Problem: "x"}, &gossip.FieldError{Field: "Bind", Problem: "y", Err: inner}),
			"-node: x\n-listen: y: no interface has a private address"},
	} {
		got := inFlags(tc.err)
		if got.Error() != tc.want {
			t.Errorf("%v becomes %v, want %s", tc.err, got, tc.want)
		}
		var f *gossip.FieldError
		if errors.As(tc.err, &f) && f.Err != nil && !errors.Is(got, inner) {
			t.Errorf("%v has lost its cause", got)
		}
	}
}
