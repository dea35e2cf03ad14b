package convergence

import (
	"runtime"
	"syscall"
	"time"
)

// resources is what the process uses.
type resources struct {
	heap, goroutines float64
	cpu              time.Duration
}

func usage() resources {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails only for a wrong first argument
	cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	return resources{heap: float64(m.HeapAlloc), goroutines: float64(runtime.NumGoroutine()), cpu: cpu}
}
