package reconcile

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/grapevine-go/grapevine/antientropy"
)

// frameHeader is what a transport adds to a frame: its length.
const frameHeader = 4

// row is one line of the result: the means of some runs.
type row struct {
	Strategy   string  `json:"strategy"`
	Keys       int     `json:"keys"`
	Diff       int     `json:"diff"`
	Runs       int     `json:"runs"`
	Seed       uint64  `json:"seed"`
	Sent       float64 `json:"bytes_sent"`
	Received   float64 `json:"bytes_received"`
	RoundTrips float64 `json:"round_trips"`
	MostTrips  int     `json:"round_trips_max"`
	CPU        float64 `json:"cpu_ms"`
	Found      float64 `json:"found"`
	Symbols    float64 `json:"symbols_per_difference,omitempty"` // a difference is an element: a version that one side lacks
	Bytes      float64 `json:"bytes_per_key,omitempty"`
}

// measure runs sessions between two replicas that differ in d keys, and makes
// them equal again after each. That something else than the difference is found
// is an error.
func measure(a, b *replica, strategy antientropy.Strategy, s setting, clock *int) (row, error) {
	r := row{Strategy: strategy.String(), Keys: s.keys, Diff: s.diff, Runs: s.runs, Seed: s.seed}
	for run := range s.runs {
		random := rand.New(rand.NewPCG(s.seed+uint64(run), uint64(s.diff)))
		*clock++
		hashes, heal, err := change(a, b, *clock, random.Perm(s.keys)[:s.diff])
		if err != nil {
			return r, err
		}
		var salt [16]byte
		binary.LittleEndian.PutUint64(salt[:8], random.Uint64())
		binary.LittleEndian.PutUint64(salt[8:], random.Uint64())
		if err := r.session(a, b, antientropy.Config{Strategy: strategy, Salt: salt}, hashes); err != nil {
			return r, fmt.Errorf("%v, %d of %d keys differ, seed %d: %w", strategy, s.diff, s.keys, s.seed+uint64(run), err)
		}
		if err := heal(); err != nil {
			return r, err
		}
	}
	n := float64(s.runs)
	for _, f := range []*float64{&r.Sent, &r.Received, &r.RoundTrips, &r.CPU, &r.Found, &r.Symbols} {
		*f /= n
	}
	if s.diff > 0 {
		r.Bytes = (r.Sent + r.Received) / float64(s.diff)
		r.Symbols /= 2 * float64(s.diff) // each replica has a version that the other lacks
	}
	return r, nil
}

// session runs one session to its end and adds what it took to the row.
func (r *row) session(a, b *replica, cfg antientropy.Config, want []uint64) error {
	begin := cpu()
	a.snapshot()
	b.snapshot()
	starter, turn, err := antientropy.Start(cfg, a)
	if err != nil {
		return err
	}
	other, trips := antientropy.Accept(b), 0
	for ; !starter.Done(); trips++ {
		r.Sent += r.size(turn)
		if turn, err = other.Step(turn); err != nil {
			return err
		}
		r.Received += r.size(turn)
		if turn, err = starter.Step(turn); err != nil {
			return err
		}
	}
	found := slices.Concat(starter.Found(), other.Found())
	r.CPU += float64(cpu()-begin) / 1e6
	r.RoundTrips += float64(trips)
	r.MostTrips = max(r.MostTrips, trips)
	slices.Sort(found)
	found = slices.Compact(found)
	r.Found += float64(len(found))
	if !slices.Equal(found, want) {
		return fmt.Errorf("found %d keys, or not the same", len(found))
	}
	return nil
}

// size counts the bytes of a turn's frames, and the coded symbols in them.
func (r *row) size(turn [][]byte) (total float64) {
	for _, frame := range turn {
		total += float64(len(frame) + frameHeader)
		r.Symbols += float64(antientropy.Symbols(frame))
	}
	return total
}

// cpu is the time that this process has computed.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
