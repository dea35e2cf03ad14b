package convergence

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// each runs all seeds from one on, on all processors. The results are in the
// order of the seeds and do not depend on how many processors there are.
func each[T any](runs int, seed uint64, run func(seed uint64) (T, error)) ([]T, error) {
	results := make([]T, runs)
	errs := make([]error, runs)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runs, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < runs; i = int(next.Add(1)) - 1 {
				results[i], errs[i] = run(seed + uint64(i))
			}
		})
	}
	workers.Wait()
	return results, errors.Join(errs...)
}
