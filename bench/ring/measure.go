package ring

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/ring"
)

// effort is what a measurement may take.
type effort struct {
	keys []string
	time time.Duration // of measuring a look-up; counting owners may take five times that
}

// scattered makes keys that lie all over the memory in no order, so that each
// look-up pays for the cache misses on its key, as in a store.
func scattered(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%020d", i)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// measure fills a row as far as the contender lets it: some of the others panic
// where a setting leaves them no room.
func measure(c contender, s setting, e effort) (r row) {
	r = row{Name: c.name, setting: s}
	defer func() {
		if p := recover(); p != nil {
			r.Failed = fmt.Sprint(p)
		}
	}()
	names := memberNames(s.Members)
	begin := time.Now()
	built := c.build(names)
	if !c.floor {
		r.BuildMS = figure(float64(time.Since(begin)) / 1e6)
	}
	perKey := 1.0
	if built.primary != nil {
		primary := e.lookups(built.primary)
		r.PrimaryNS, r.PrimaryOver, r.PrimaryAllocs = primary.ns, primary.overHash, primary.allocs
		perKey = *primary.ns
	}
	if built.several != nil {
		several := e.lookups(built.several)
		r.OwnersNS, r.OwnersOver, r.OwnersAllocs = several.ns, several.overHash, several.allocs
		perKey = *several.ns
	}
	if c.floor {
		return r
	}
	sample := e.keys[:min(len(e.keys), 1+int(float64(5*e.time)/max(perKey, 1)))]
	before := built.all(sample)
	r.Busiest = busiest(before, s.Members)
	r.Join = joins(c, built, names, sample, before)
	r.Leave = leaves(c, built, names, sample, before)
	return r
}

// all gives the owners of all partitions, or of all keys of the sample.
func (b built) all(sample []string) [][]string {
	if b.table != nil {
		return b.table()
	}
	all := make([][]string, len(sample))
	for i, key := range sample {
		all[i] = slices.Clone(b.owners(key))
	}
	return all
}

func figure(v float64) *float64 { return &v }

// cost is what one look-up takes.
type cost struct{ ns, overHash, allocs *float64 }

// lookups measures in batches that are shorter than a time slice, so that what
// else runs on the machine interrupts few of them, and takes the median. The
// cost over the hash of the key alone is that of pairs of batches, one right
// after the other, since the cost of a cache miss changes from second to second.
func (e effort) lookups(look func(key string) int) cost {
	const slice = 250 * time.Microsecond
	var times, over []float64
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	calls, batch := 0, 16
	for begin := time.Now(); time.Since(begin) < e.time; {
		floor := e.batch(calls, batch, func(key string) int { return int(ring.Hash(key)) })
		took := e.batch(calls+batch, batch, look)
		calls += 2 * batch
		times, over = append(times, took), append(over, took-floor)
		batch = min(max(int(float64(slice)/took), 1), 2*batch)
	}
	runtime.ReadMemStats(&after)
	allocs := float64((after.Mallocs - before.Mallocs) / uint64(calls/2))
	return cost{median(times), median(over), &allocs}
}

// batch gives the nanoseconds a call takes with n of the keys.
func (e effort) batch(from, n int, look func(key string) int) float64 {
	sum, begin := 0, time.Now()
	for i := from; i < from+n; i++ {
		sum += look(e.keys[i&(len(e.keys)-1)])
	}
	took := time.Since(begin)
	runtime.KeepAlive(sum) // so that no look-up is optimised away
	return float64(max(took, 1)) / float64(n)
}

func median(v []float64) *float64 {
	slices.Sort(v)
	return &v[len(v)/2]
}

// busiest is the load of the busiest member over the mean.
func busiest(all [][]string, members int) *float64 {
	load, sum := make(map[string]int), 0
	for _, owners := range all {
		for _, o := range owners {
			load[o]++
			sum++
		}
	}
	most := 0
	for _, l := range load {
		most = max(most, l)
	}
	return figure(float64(most) * float64(members) / float64(sum))
}

// joins compares with a ring that has one member more. The least is an even
// share for it.
func joins(c contender, b built, names, sample []string, before [][]string) *float64 {
	name := memberName(len(names))
	var after [][]string
	if b.add != nil {
		b.add(name)
		after = b.all(sample)
		b.remove(name)
	} else {
		after = c.build(append(slices.Clone(names), name)).all(sample)
	}
	least := float64(len(before)*len(before[0])) / float64(len(names)+1)
	return figure(float64(gained(before, after)) / least)
}

// leaves compares with a ring that lacks one member, the last, as some rings
// can only shrink from the end. The least is what it owned.
func leaves(c contender, b built, names, sample []string, before [][]string) *float64 {
	name := names[len(names)-1]
	var after [][]string
	if b.remove != nil {
		b.remove(name)
		after = b.all(sample)
	} else {
		after = c.build(names[:len(names)-1]).all(sample)
	}
	least := 0
	for _, owners := range before {
		if slices.Contains(owners, name) {
			least++
		}
	}
	if least == 0 {
		return nil
	}
	return figure(float64(gained(before, after)) / float64(least))
}

// gained counts the owners that were none before.
func gained(before, after [][]string) int {
	moved := 0
	for i := range after {
		for _, o := range after[i] {
			if !slices.Contains(before[i], o) {
				moved++
			}
		}
	}
	return moved
}

func memberNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = memberName(i)
	}
	return names
}

func memberName(i int) string { return fmt.Sprintf("node-%04d", i) }
