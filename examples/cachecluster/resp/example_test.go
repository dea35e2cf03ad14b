package resp_test

import (
	"fmt"
	"strings"

	"github.com/grapevine-go/grapevine/examples/cachecluster/resp"
)

// A client pipelined two commands; the answers go out together, when there is
// nothing more to parse.
func Example() {
	sent := strings.NewReader("*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\nPING\r\n")
	var replies strings.Builder
	r := resp.NewReader(sent, resp.Limits{})
	w := resp.NewWriter(&replies)

	for r.Fill() == nil {
		for {
			cmd, ok, err := r.Next()
			if err != nil {
				w.Error("ERR " + err.Error())
			}
			if !ok {
				break
			}
			switch string(cmd.Args[0]) {
			case "ECHO":
				w.Bulk(cmd.Args[1])
			case "PING":
				w.Simple("PONG")
			}
		}
		w.Flush()
	}
	fmt.Printf("%q\n", replies.String())
	// Output: "$5\r\nhello\r\n+PONG\r\n"
}
