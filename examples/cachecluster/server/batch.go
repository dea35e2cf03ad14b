package server

import (
	"context"
	"sync"
	"time"
)

// maxBatch bounds the operations that one connection has under way at a time.
const maxBatch = 64

// batch gathers pipelined GETs and SETs that may run at the same time, because
// no key of theirs is both read and written.
//
// Several GETs of one key share a read. Several SETs of one key share a write,
// that of the last one: nobody is promised a look at a value that was replaced
// in the same breath, and if the last one fails, the others have too.
type batch struct {
	reads  []Read
	writes []Write
	order  []result // one per command, in the order of the replies
}

// result says where a command's result is.
type result struct {
	write bool
	index int
}

func (b *batch) full() bool { return len(b.order) == maxBatch }

// findRead and findWrite search by comparing: a batch is small.
func (b *batch) findRead(key []byte) int {
	for i := range b.reads {
		if b.reads[i].Key == string(key) {
			return i
		}
	}
	return -1
}

func (b *batch) findWrite(key []byte) int {
	for i := range b.writes {
		if b.writes[i].Key == string(key) {
			return i
		}
	}
	return -1
}

// joinRead adds a GET to the commands that run together.
func (c *conn) joinRead(key []byte) {
	b := &c.batch
	if b.full() || b.findWrite(key) >= 0 {
		c.runBatch()
	}
	i := b.findRead(key)
	if i < 0 {
		i = len(b.reads)
		b.reads = append(b.reads, Read{Key: string(key)})
	}
	b.order = append(b.order, result{index: i})
}

// joinWrite adds a SET. The value stays where it lies until the batch has run.
func (c *conn) joinWrite(key, value []byte, expireAt time.Time) {
	b := &c.batch
	if b.full() || b.findRead(key) >= 0 {
		c.runBatch()
	}
	i := b.findWrite(key)
	if i < 0 {
		i = len(b.writes)
		b.writes = append(b.writes, Write{Key: string(key)})
	}
	b.writes[i].Value, b.writes[i].ExpireAt = value, expireAt
	b.order = append(b.order, result{write: true, index: i})
}

// runBatch runs what was gathered and answers it.
func (c *conn) runBatch() {
	b := &c.batch
	if len(b.order) == 0 {
		return
	}
	b.run(c.ctx, c.table())
	for _, r := range b.order {
		if r.write {
			c.replyOK(b.writes[r.index].Err)
		} else {
			c.replyValue(&b.reads[r.index])
		}
	}
	clear(b.reads)
	clear(b.writes)
	b.reads, b.writes, b.order = b.reads[:0], b.writes[:0], b.order[:0]
}

func (b *batch) run(ctx context.Context, t Table) {
	if len(b.reads) == 0 || len(b.writes) == 0 {
		b.read(ctx, t)
		b.write(ctx, t)
		return
	}
	var reading sync.WaitGroup
	reading.Go(func() { b.read(ctx, t) })
	b.write(ctx, t)
	reading.Wait()
}

func (b *batch) read(ctx context.Context, t Table) {
	switch len(b.reads) {
	case 0:
	case 1:
		r := &b.reads[0]
		r.Entry, r.Err = t.Get(ctx, r.Key)
	default:
		t.GetMany(ctx, b.reads)
	}
}

func (b *batch) write(ctx context.Context, t Table) {
	switch len(b.writes) {
	case 0:
	case 1:
		w := &b.writes[0]
		w.Err = t.Put(ctx, w.Key, w.Value, w.ExpireAt)
	default:
		t.PutMany(ctx, b.writes)
	}
}

func (c *conn) replyOK(err error) {
	if err != nil {
		c.w.Error(replyText(err))
		return
	}
	c.w.Simple("OK")
}

// replyValue answers a read and counts it.
func (c *conn) replyValue(r *Read) {
	switch {
	case r.Err != nil:
		c.w.Error(replyText(r.Err))
	case !r.Found:
		c.srv.stats.misses.Add(1)
		c.w.Null()
	default:
		c.srv.stats.hits.Add(1)
		c.w.Bulk(r.Value)
	}
}
