package server

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

func joinGet(c *conn, args [][]byte) bool {
	c.joinRead(args[1])
	return true
}

// joinSet takes the SETs that need not read first.
func joinSet(c *conn, args [][]byte) bool {
	var o setOptions
	if len(args) > 3 {
		var refusal string
		if o, refusal = parseSet(args, time.Now()); refusal != "" || o.keepTTL || o.get {
			return false
		}
	}
	c.joinWrite(args[1], args[2], o.expireAt)
	return true
}

// setSlow is SET with KEEPTTL or GET, or with a mistake.
func setSlow(c *conn, args [][]byte) {
	o, refusal := parseSet(args, time.Now())
	if refusal != "" {
		c.w.Error(refusal)
		return
	}
	old, err := c.table().Get(c.ctx, string(args[1]))
	if err == nil {
		if o.keepTTL {
			o.expireAt = old.ExpiresAt
		}
		err = c.table().Put(c.ctx, string(args[1]), args[2], o.expireAt)
	}
	if err != nil || !o.get {
		c.replyOK(err)
		return
	}
	c.replyValue(&Read{Entry: old})
}

// joinSetEx makes SETEX or PSETEX.
func joinSetEx(name string, u unit) func(*conn, [][]byte) bool {
	return func(c *conn, args [][]byte) bool {
		at, refusal := parseSetExpiry(args[2], u, time.Now(), name)
		if refusal != "" {
			c.runBatch()
			c.w.Error(refusal)
			return true
		}
		c.joinWrite(args[1], args[3], at)
		return true
	}
}

type setOptions struct {
	expireAt     time.Time
	keepTTL, get bool
}

// parseSet parses what follows SET's key and value; refusal is empty if it can
// be run. As in Redis, a wrong word is found before a wrong number.
func parseSet(args [][]byte, now time.Time) (o setOptions, refusal string) {
	var expiry, number, condition []byte
	for i := 3; i < len(args); i++ {
		switch a := args[i]; {
		case is(a, "get"):
			o.get = true
		case is(a, "keepttl") && expiry == nil:
			o.keepTTL = true
		case (is(a, "nx") || is(a, "xx")) && (condition == nil || bytes.EqualFold(a, condition)):
			condition = a
		case isUnit(a) && (expiry == nil || bytes.EqualFold(a, expiry)) && !o.keepTTL && i+1 < len(args):
			expiry, number = a, args[i+1]
			i++
		default:
			return o, errSyntax
		}
	}
	if expiry != nil {
		u := setUnits[strings.ToLower(string(expiry))]
		if o.expireAt, refusal = parseSetExpiry(number, u, now, "set"); refusal != "" {
			return o, refusal
		}
	}
	if condition != nil {
		return o, refuseOption("set", condition)
	}
	return o, ""
}

func mget(c *conn, args [][]byte) {
	reads := newReads(args[1:])
	if err := c.readMany(reads); err != nil {
		c.w.Error(replyText(err))
		return
	}
	c.w.Array(len(reads))
	for i := range reads {
		c.replyValue(&reads[i])
	}
}

func newReads(keys [][]byte) []Read {
	reads := make([]Read, len(keys))
	for i, k := range keys {
		reads[i].Key = string(k)
	}
	return reads
}

// maxReply bounds the values that one reply holds in memory.
const maxReply = 512 << 20

// readMany reads many keys, a bounded number at a time, and gives the first
// error of any.
func (c *conn) readMany(reads []Read) error {
	size := 0
	for part := range slices.Chunk(reads, maxBatch) {
		c.table().GetMany(c.ctx, part)
		for i := range part {
			if part[i].Err != nil {
				return part[i].Err
			}
			size += len(part[i].Value)
		}
		if size > maxReply {
			return fmt.Errorf("the values together are over %d bytes; ask for fewer keys at a time", maxReply)
		}
	}
	return nil
}

func mset(c *conn, args [][]byte) {
	if len(args)%2 == 0 {
		c.w.Error(wrongArity("mset"))
		return
	}
	var writes []Write
	at := make(map[string]int, len(args)/2)
	for i := 1; i < len(args); i += 2 {
		j, again := at[string(args[i])]
		if !again {
			j = len(writes)
			at[string(args[i])] = j
			writes = append(writes, Write{Key: string(args[i])})
		}
		writes[j].Value = args[i+1] // the last of a key counts
	}
	c.replyOK(c.writeMany(writes, c.table().PutMany))
}

// writeMany writes many keys, a bounded number at a time. It tries all of them
// and gives the first error, with how many others there are.
func (c *conn) writeMany(writes []Write, do func(context.Context, []Write)) error {
	var first error
	failed := 0
	for part := range slices.Chunk(writes, maxBatch) {
		do(c.ctx, part)
		for i := range part {
			if part[i].Err != nil {
				if failed++; first == nil {
					first = part[i].Err
				}
			}
		}
	}
	if failed == 0 || len(writes) == 1 {
		return first
	}
	return partly(first, failed, len(writes))
}

func strlen(c *conn, args [][]byte) {
	e, err := c.table().Get(c.ctx, string(args[1]))
	if err != nil {
		c.w.Error(replyText(err))
		return
	}
	c.w.Int(int64(len(e.Value)))
}

func getdel(c *conn, args [][]byte) {
	r := newReads(args[1:])
	err := c.readMany(r)
	if err == nil && r[0].Found {
		err = c.writeMany([]Write{{Key: r[0].Key}}, c.table().DeleteMany)
	}
	if err != nil {
		c.w.Error(replyText(err))
		return
	}
	c.replyValue(&r[0])
}

// del counts what is there and deletes in any case: a key that a read did not
// find may still be on its way to its owners, and must not appear after DEL.
func del(c *conn, args [][]byte) {
	slices.SortFunc(args[1:], bytes.Compare)
	reads := newReads(slices.CompactFunc(args[1:], bytes.Equal))
	err := c.readMany(reads)
	if err == nil {
		deletes := make([]Write, len(reads))
		for i := range reads {
			deletes[i].Key = reads[i].Key
		}
		err = c.writeMany(deletes, c.table().DeleteMany)
	}
	c.replyCount(reads, err)
}

func exists(c *conn, args [][]byte) {
	reads := newReads(args[1:])
	err := c.readMany(reads)
	c.replyCount(reads, err)
}

// replyCount answers how many keys were found.
func (c *conn) replyCount(reads []Read, err error) {
	if err != nil {
		c.w.Error(replyText(err))
		return
	}
	n := 0
	for i := range reads {
		if reads[i].Found {
			n++
		}
	}
	c.w.Int(int64(n))
}
