package quorum_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/internal/wire"
	"github.com/grapevine-go/grapevine/quorum"
)

// What a call of a table may ask for, and how a failed write tells what became
// of it.
func Example() {
	table := quorum.NWR{N: 3, W: 2, R: 2}
	fmt.Println(table, "fresh:", table.Fresh())

	call, err := table.Resolve([]quorum.Option{quorum.R(3)})
	fmt.Println(call.R, err)
	_, err = table.Resolve([]quorum.Option{quorum.W(4)})
	fmt.Println(errors.Is(err, quorum.ErrLevel))

	// The machine that a node drives: one owner acknowledges, two cannot be
	// reached, one of them perhaps only afterwards.
	owners := []quorum.Target{
		{ID: "a", Current: true, Next: true}, {ID: "b", Current: true, Next: true}, {ID: "c", Current: true, Next: true},
	}
	var op quorum.Op
	op.StartWrite(call.W, time.Now().Add(time.Second), owners)
	op.Ack(op.Round, 0, crdt.Joined{Changed: true})
	op.Fail(op.Round, 1, errors.New("connection refused"), false)
	op.Fail(op.Round, 2, errors.New("connection lost"), true)

	err = op.Err("write", wire.OpID{})
	fmt.Println(err)
	fmt.Println("may it become visible?", errors.Is(err, quorum.ErrUnknown))
	// Output:
	// N=3 W=2 R=2 fresh: true
	// 3 <nil>
	// true
	// write: quorum: too few owners available; 1 of 2 needed owners (a); unknown; b: connection refused; c: connection lost
	// may it become visible? true
}
