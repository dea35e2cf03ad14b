package ring

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// runs is how often a look-up is measured; the fastest run counts, since other
// programs only ever add to it.
const runs = 7

// effort is what a measurement may take.
type effort struct {
	keys []string
	run  time.Duration // of measuring a look-up once; counting owners may take 40 times that
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
		r.PrimaryNS, r.PrimaryAllocs = e.lookups(built.primary)
		perKey = *r.PrimaryNS
	}
	if built.several != nil {
		r.OwnersNS, r.OwnersAllocs = e.lookups(built.several)
		perKey = *r.OwnersNS
	}
	if c.floor {
		return r
	}
	sample := e.keys[:min(len(e.keys), 1+int(float64(40*e.run)/max(perKey, 1)))]
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

// lookups gives the nanoseconds and the allocations of one call.
func (e effort) lookups(look func(key string) int) (ns, allocs *float64) {
	var before, after runtime.MemStats
	fastest, calls, sum := math.Inf(1), 0, 0
	runtime.ReadMemStats(&before)
	for range runs {
		begin, n, took := time.Now(), 0, time.Duration(0)
		for took < e.run {
			for range 64 {
				sum += look(e.keys[calls&(len(e.keys)-1)])
				calls++
			}
			n += 64
			took = time.Since(begin)
		}
		fastest = min(fastest, float64(took)/float64(n))
	}
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(sum) // so that no look-up is optimised away
	return figure(fastest), figure(float64((after.Mallocs - before.Mallocs) / uint64(calls)))
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
