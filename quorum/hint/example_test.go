package hint_test

import (
	"fmt"
	"time"

	"github.com/grapevine-go/grapevine/quorum/hint"
)

// What "c" missed waits until it is back, and is forgotten when "c" has it.
func Example() {
	q, err := hint.NewQueue(hint.Config{MaxBytes: 1 << 20, MaxAge: time.Hour}, new(hint.Memory))
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	q.Add("c", hint.Hint{Table: "carts", Partition: 7, Key: "user:42", Delta: []byte("apple"), At: now})

	ids, hints, _ := q.Next("c", 0, 10) // c is alive again
	for i, h := range hints {
		fmt.Printf("to c: %s of %s\n", h.Key, h.Table)
		q.Done("c", ids[i], h.Delta) // it has acknowledged
	}
	fmt.Println(q.Stats("c").Hints, "left")
	// Output:
	// to c: user:42 of carts
	// 0 left
}
