package server

import (
	"math"
	"strings"
	"time"

	"github.com/grapevine-go/grapevine/examples/cachecluster/resp"
)

// unit is how a command gives a time: in seconds or milliseconds, since 1970
// or from now on.
type unit struct{ seconds, absolute bool }

// setUnits are the words by which SET gives a time.
var setUnits = map[string]unit{
	"ex": {seconds: true}, "px": {}, "exat": {seconds: true, absolute: true}, "pxat": {absolute: true},
}

func isUnit(arg []byte) bool {
	return is(arg, "ex") || is(arg, "px") || is(arg, "exat") || is(arg, "pxat")
}

// parseSetExpiry parses the time that comes with a value; it must be positive.
func parseSetExpiry(number []byte, u unit, now time.Time, name string) (time.Time, string) {
	n, ok := resp.ParseInt(number)
	if ok && n <= 0 {
		return time.Time{}, invalidExpire(name)
	}
	return parseExpiry(number, u, now, name)
}

// parseExpiry parses a time. One before 1970, which EXPIRE may ask for, becomes
// the first millisecond after: the value is hidden at once all the same.
func parseExpiry(number []byte, u unit, now time.Time, name string) (at time.Time, refusal string) {
	n, ok := resp.ParseInt(number)
	if !ok {
		return at, errNotInteger
	}
	if u.seconds {
		if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
			return at, invalidExpire(name)
		}
		n *= 1000
	}
	if !u.absolute {
		if n > math.MaxInt64-now.UnixMilli() {
			return at, invalidExpire(name)
		}
		n += now.UnixMilli()
	}
	return time.UnixMilli(max(n, 1)), ""
}

func invalidExpire(name string) string {
	return "ERR invalid expire time in '" + name + "' command"
}

// expire is EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT.
func (c *conn) expire(args [][]byte, u unit, name string) {
	if len(args) > 3 {
		switch strings.ToLower(string(args[3])) {
		case "nx", "xx", "gt", "lt":
			c.w.Error(refuseOption(name, args[3]))
		default:
			c.w.Error("ERR Unsupported option " + string(args[3]))
		}
		return
	}
	at, refusal := parseExpiry(args[2], u, time.Now(), name)
	if refusal != "" {
		c.w.Error(refusal)
		return
	}
	found, err := c.table().Expire(c.ctx, string(args[1]), at)
	c.replyBool(found, err)
}

func persist(c *conn, args [][]byte) {
	key := string(args[1])
	e, err := c.table().Get(c.ctx, key)
	found := e.Found && !e.ExpiresAt.IsZero()
	if err == nil && found {
		found, err = c.table().Expire(c.ctx, key, time.Time{})
	}
	c.replyBool(found, err)
}

func (c *conn) replyBool(yes bool, err error) {
	switch {
	case err != nil:
		c.w.Error(replyText(err))
	case yes:
		c.w.Int(1)
	default:
		c.w.Int(0)
	}
}

// ttl is TTL, PTTL, EXPIRETIME and PEXPIRETIME: -2 for no such key, -1 for one
// that stays.
func (c *conn) ttl(args [][]byte, u unit) {
	e, err := c.table().Get(c.ctx, string(args[1]))
	switch {
	case err != nil:
		c.w.Error(replyText(err))
	case !e.Found:
		c.w.Int(-2)
	case e.ExpiresAt.IsZero():
		c.w.Int(-1)
	default:
		c.w.Int(u.show(e.ExpiresAt, time.Now()))
	}
}

// show is the opposite of parseExpiry; seconds are rounded as Redis does.
func (u unit) show(at, now time.Time) int64 {
	ms := at.UnixMilli()
	if !u.absolute {
		ms = max(0, ms-now.UnixMilli())
	}
	if u.seconds {
		ms = ms/1000 + (ms%1000+500)/1000
	}
	return ms
}
