package antientropy_test

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/antientropy"
	"github.com/grapevine-go/grapevine/crdt"
	"github.com/grapevine-go/grapevine/merkle"
)

// replica has an entry for each number; the tree's view knows the sums.
type replica struct {
	merkle.View
	values []string
}

const spread = ^uint64(0) / 1000 // between the hashes of the example's keys

func (r *replica) Entries(from, to uint64) iter.Seq2[uint64, crdt.Fingerprint] {
	return func(yield func(uint64, crdt.Fingerprint) bool) {
		for i, v := range r.values {
			hash := uint64(i) * spread
			if from <= hash && hash <= to && !yield(hash, fingerprint(hash, v)) {
				return
			}
		}
	}
}

func fingerprint(hash uint64, value string) crdt.Fingerprint {
	key := crdt.Key{1, 2, 3} // the cluster's
	return key.Sum(append(binary.BigEndian.AppendUint64(nil, hash), value...))
}

func newReplica(changed ...int) *replica {
	r := &replica{values: make([]string, 1000)}
	for _, i := range changed {
		r.values[i] = "new"
	}
	merkle.Build(merkle.Node{}, len(r.values), r).Snapshot(&r.View)
	return r
}

// Two replicas of a thousand entries have each taken writes that the other has
// not heard of.
func Example() {
	here, turn, err := antientropy.Start(antientropy.Config{Salt: [16]byte{42}}, newReplica(3, 500))
	if err != nil {
		fmt.Println(err)
	}
	there := antientropy.Accept(newReplica(77))
	for turns := 1; !here.Done(); turns++ {
		if turn, err = there.Step(turn); err == nil {
			turn, err = here.Step(turn)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, s := range []*antientropy.Session{here, there} {
		for _, hash := range s.Found() {
			fmt.Println(hash / spread)
		}
	}
	// Each lacks the other's version of what the other wrote, and the other its
	// own older one: a join of the two decides.

	// Output:
	// 3
	// 77
	// 500
	// 3
	// 77
	// 500
}

// A node has two partners in its own zone and one far away. Something meant for
// the far one was lost.
func ExampleSchedule() {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s, err := antientropy.NewSchedule(antientropy.ScheduleConfig{
		Interval: 10 * time.Second, Calm: 8, Spread: 1.5, Rand: rand.New(rand.NewPCG(1, 1)),
	}, now)
	if err != nil {
		fmt.Println(err)
	}
	s.SetPartners(now, []antientropy.Partner{{ID: "b"}, {ID: "c"}, {ID: "far", Distance: 1}})
	s.Hurry("far")
	who, _ := s.Next(now)
	fmt.Println(who)
	s.Differ(now, who, 0) // the round found what was lost, and brought it
	at, _ := s.Deadline()
	fmt.Println(at.Sub(now) < 15*time.Second)

	// Output:
	// far
	// true
}
