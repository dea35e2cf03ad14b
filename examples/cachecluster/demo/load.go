package demo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// workers is how many clients are busy at a time.
const workers = 16

// measured is what a phase took.
type measured struct {
	name  string
	files []file
	bytes int64
	wall  time.Duration
	took  []time.Duration // of each operation, sorted
}

// perSecond is how many operations the phase did a second.
func (m measured) perSecond() float64 { return float64(len(m.took)) / m.wall.Seconds() }

// percentile gives the time that a part p of the operations, up to 1, took at
// the most.
func (m measured) percentile(p float64) time.Duration {
	if len(m.took) == 0 {
		return 0
	}
	return m.took[min(int(p*float64(len(m.took))), len(m.took)-1)]
}

// phase does something with every file, from several goroutines, with progress.
// It stops at the first error.
func (c *cluster) phase(ctx context.Context, name string, files []file, do func(ctx context.Context, i int) (bytes int, took time.Duration, err error)) (measured, error) {
	m := measured{name: name, files: files, took: make([]time.Duration, len(files))}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, done, bytes atomic.Int64
	var working sync.WaitGroup
	begun := time.Now()
	for range workers {
		working.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				n, took, err := do(ctx, i)
				if err != nil {
					cancel(fmt.Errorf("%s: %s: %w", name, files[i].key, err))
					return
				}
				m.took[i] = took
				done.Add(1)
				bytes.Add(int64(n))
			}
		})
	}
	stop := make(chan struct{})
	var showing sync.WaitGroup
	showing.Go(func() { c.progress(name, len(files), &done, &bytes, stop) })
	working.Wait()
	m.wall, m.bytes = time.Since(begun), bytes.Load()
	close(stop)
	showing.Wait()
	if err := context.Cause(ctx); err != nil {
		return m, err
	}
	slices.Sort(m.took)
	c.say("%s: %d files, %s in %v", name, len(files), size(m.bytes), m.wall.Round(time.Millisecond))
	return m, nil
}

// progress says twice a second how far a phase is.
func (c *cluster) progress(name string, total int, done, bytes *atomic.Int64, stop <-chan struct{}) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			c.say("  %s: %d of %d files, %s", name, done.Load(), total, size(bytes.Load()))
		}
	}
}

// store stores every file through the first node and notes its checksum.
func (c *cluster) store(ctx context.Context, files []file) (measured, error) {
	return c.phase(ctx, "store", files, func(ctx context.Context, i int) (int, time.Duration, error) {
		content, err := os.ReadFile(files[i].path)
		if err != nil {
			return 0, 0, err
		}
		files[i].size, files[i].sum = len(content), sha256.Sum256(content)
		begun := time.Now()
		err = c.clients[0].Set(ctx, files[i].key, content, 0).Err()
		return len(content), time.Since(begun), err
	})
}

// readBack reads every file through the nodes that are there, in turn, and
// compares checksums.
func (c *cluster) readBack(ctx context.Context, name string, files []file) (measured, error) {
	var there []*redis.Client
	for _, client := range c.clients {
		if client != nil {
			there = append(there, client)
		}
	}
	return c.phase(ctx, name, files, func(ctx context.Context, i int) (int, time.Duration, error) {
		took, err := files[i].verify(ctx, there[i%len(there)])
		return files[i].size, took, err
	})
}

// verify reads a file and compares its checksum.
func (f *file) verify(ctx context.Context, client *redis.Client) (time.Duration, error) {
	begun := time.Now()
	content, err := client.Get(ctx, f.key).Bytes()
	took := time.Since(begun)
	switch {
	case errors.Is(err, redis.Nil):
		return took, errors.New("it was acknowledged and is not there")
	case err != nil:
		return took, err
	case len(content) != f.size || sha256.Sum256(content) != f.sum:
		return took, fmt.Errorf("%d bytes came back that are not the %d that were stored", len(content), f.size)
	}
	return took, nil
}

// readUntil reads the files through the nodes in turn, and through the one that
// is coming back when it is there. That one may answer that it is loading.
func readUntil(ctx context.Context, files []file, others []*redis.Client, back *atomic.Pointer[redis.Client], stop *atomic.Bool) (measured, error) {
	m := measured{name: "read while it is filled"}
	begun := time.Now()
	for i := 0; !stop.Load(); i++ {
		client := others[i%len(others)]
		if c := back.Load(); c != nil && i%(len(others)+1) == len(others) {
			client = c
		}
		f := &files[i%len(files)]
		took, err := f.verify(ctx, client)
		if err != nil && strings.Contains(err.Error(), "LOADING") {
			continue
		}
		if err != nil {
			return m, fmt.Errorf("%s: %s: %w", m.name, f.key, err)
		}
		m.took = append(m.took, took)
		m.bytes += int64(f.size)
	}
	m.wall = time.Since(begun)
	slices.Sort(m.took)
	return m, nil
}

// size shows a number of bytes.
func size(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
