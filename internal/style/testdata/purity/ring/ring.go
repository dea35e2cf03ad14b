// Package ring does what a core must not.
package ring

import (
	_ "context"      // want "goroutines: context"
	_ "crypto/rand"  // want "chance: crypto/rand"
	_ "crypto/tls"   // want "I/O: crypto/tls"
	. "fmt"          // want "a dot import"
	_ "hash/maphash" // want "chance: hash/maphash"
	_ "log/slog"     // want "I/O: log/slog"
	_ "math/rand"    // want "chance: math/rand"
	"math/rand/v2"
	_ "net"       // want "I/O: net"
	_ "net/netip" // want "I/O: net/netip"
	_ "os"        // want "I/O: os"
	_ "os/exec"   // want "I/O: os/exec"
	_ "strings"
	"sync"             // want "locks: sync"
	_ "sync/atomic"    // want "locks: sync/atomic"
	_ "syscall"        // want "I/O: syscall"
	chronometer "time" // the name is followed
)

type state struct {
	sync.Mutex
	wake  chan struct{}      // want "no goroutines, no channels"
	timer *chronometer.Timer // want "the clock: time.Timer"
	now   chronometer.Time
	draw  *rand.Rand
}

func (s *state) step() {
	s.now = chronometer.Now()                      // want "the clock: time.Now"
	chronometer.Sleep(chronometer.Second)          // want "the clock: time.Sleep"
	_ = s.now.After(s.now.Add(chronometer.Second)) // a method of a value
	_ = rand.IntN(3)                               // want "chance: math/rand/v2.IntN"
	_ = rand.N(chronometer.Second)                 // want "chance: math/rand/v2.N"
	s.draw = rand.New(rand.NewPCG(1, 2))           // seeded
	_ = s.draw.IntN(3)                             // a method of a value
	f := chronometer.Since                         // want "the clock: time.Since"
	_ = f(s.now)
	go s.step()          // want "no goroutines, no channels"
	<-s.wake             // want "no goroutines, no channels"
	s.wake <- struct{}{} // want "no goroutines, no channels"
	select {}            // want "no goroutines, no channels"
}

var _ = Sprint
