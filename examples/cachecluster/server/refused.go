package server

import "strings"

// refusedCommands are the commands of Redis that do not exist here, by the
// reason why. They answer with the reason, because "unknown command" would send
// people to look for a typing error.
var refusedCommands = []struct{ reason, names string }{
	{"it would need consensus, and this cluster has none: two nodes could each find the old value and both succeed",
		"setnx msetnx incr decr incrby decrby incrbyfloat append setrange getset renamenx rename copy move setbit bitfield bitop restore"},
	{noTransactions, "exec discard watch unwatch"},
	{"use GET and EXPIRE; the two together are not atomic here",
		"getex"},
	{"it would visit every key of the cluster at once; use SCAN",
		"keys randomkey flushall flushdb"},
	{"only whole string values can be read here; use GET",
		"getrange substr getbit bitcount bitpos bitfield_ro lcs dump object touch sort sort_ro"},
	{"values here are strings; lists, hashes, sets, sorted sets, streams and the like do not exist",
		"lpush rpush lpushx rpushx lpop rpop lrange llen lindex lset lrem linsert ltrim lpos lmove lmpop blpop brpop blmove blmpop brpoplpush rpoplpush " +
			"hset hget hmset hmget hgetall hdel hexists hincrby hincrbyfloat hkeys hvals hlen hscan hsetnx hstrlen hrandfield " +
			"sadd srem smembers sismember smismember scard spop srandmember smove sinter sintercard sinterstore sunion sunionstore sdiff sdiffstore sscan " +
			"zadd zrem zscore zmscore zrange zrangestore zrangebyscore zrangebylex zrevrange zrevrangebyscore zrevrangebylex zrank zrevrank zcard zcount zlexcount zincrby zpopmin zpopmax bzpopmin bzpopmax zmpop bzmpop zinter zintercard zinterstore zunion zunionstore zdiff zdiffstore zrandmember zremrangebyrank zremrangebyscore zremrangebylex zscan " +
			"xadd xread xrange xrevrange xlen xdel xtrim xack xgroup xreadgroup xpending xclaim xautoclaim xinfo xsetid " +
			"pfadd pfcount pfmerge geoadd geopos geodist geohash georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore"},
	{"scripts would need every node to run them in one order, which needs consensus",
		"eval evalsha eval_ro evalsha_ro script fcall fcall_ro function"},
	{"nodes pass on data, not messages; there is no publish and subscribe",
		"publish subscribe unsubscribe psubscribe punsubscribe pubsub spublish ssubscribe sunsubscribe monitor"},
	{"there is no leader and no replica of one: every node takes every command; INFO grapevine shows the cluster",
		"cluster replicaof slaveof replconf psync sync role failover readonly readwrite asking wait waitaof migrate"},
	{"this server has nothing for it to work on",
		"save bgsave bgrewriteaof lastsave shutdown debug memory module latency slowlog acl swapdb time lolwut"},
}

const noTransactions = "it would need consensus, and this cluster has none: nodes have no common order in which a transaction could run alone"

// closingCommands end the connection too.
var closingCommands = []command{
	// Clients pipeline a whole transaction behind MULTI. Its commands must not
	// run each for itself because MULTI was refused.
	{name: "multi", arity: -1, run: func(c *conn, _ [][]byte) {
		c.w.Error("ERR 'multi' is not available here: " + noTransactions + "; the connection is closed, so that what follows is not run without it")
		c.closing = true
	}},
	// What a browser sends that a web page led to this port. Redis hangs up on
	// it too.
	{name: "post", arity: -1, public: true, run: hangUp},
	{name: "host:", arity: -1, public: true, run: hangUp},
}

func hangUp(c *conn, _ [][]byte) {
	c.srv.cfg.Logger.Warn("a web browser speaks to the Redis port; hanging up", "client", c.nc.RemoteAddr())
	c.closing = true
}

func refusing(name, reason string) *command {
	text := "ERR '" + name + "' is not available here: " + reason
	return &command{name: name, arity: -1, run: func(c *conn, _ [][]byte) { c.w.Error(text) }}
}

// hidden commands run, but COMMAND does not list them.
func (s *command) hidden() bool { return s.group == "" }

const refuseConditional = "which would need consensus, and this cluster has none: two nodes could each find the condition true and both succeed"

// refuseOption is the error for an option that would make a command conditional.
func refuseOption(command string, option []byte) string {
	return "ERR " + strings.ToUpper(string(option)) + " makes '" + command + "' conditional, " + refuseConditional
}
