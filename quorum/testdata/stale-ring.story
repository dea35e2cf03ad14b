# An owner knows another ring: the operation begins anew with its owners.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
stale b
	to be restarted; waiting, 1 counted
restart a c d
	send to a c d; waiting, 0 counted
late ack c joined
	waiting, 0 counted
ack c joined
	waiting, 1 counted
ack d joined
	ended well, 2 counted

# A refusal for a stale ring changed nothing.
write 2 a b c
	send to a b c; waiting, 0 counted
stale a
	to be restarted; waiting, 0 counted
restart d e f
	send to d e f; waiting, 0 counted
late fail b refused
	waiting, 0 counted
late fail c refused
	waiting, 0 counted
fail d refused
	waiting, 0 counted
fail e refused
	failed: quorum: too few owners available (0 counted, unknown)
fail f refused
	failed: quorum: too few owners available (0 counted, not applied)
error
	write: quorum: too few owners available; 0 of 2 needed owners; not applied; d: quorum: refused by an owner; e: quorum: refused by an owner; f: quorum: refused by an owner

# Of one that had joined before it noticed, nobody knows.
write 2 a b c
	send to a b c; waiting, 0 counted
stale a maybe
	to be restarted; waiting, 0 counted
restart a b c
	send to a b c; waiting, 0 counted
late fail b refused
	waiting, 0 counted
late fail c refused
	waiting, 0 counted
fail a refused
	waiting, 0 counted
fail b refused
	failed: quorum: too few owners available (0 counted, unknown)
fail c refused
	failed: quorum: too few owners available (0 counted, unknown)
error
	write: quorum: too few owners available; 0 of 2 needed owners; unknown; a: quorum: refused by an owner; b: quorum: refused by an owner; c: quorum: refused by an owner

# The new ring has too few alive.
write 2 a b c
	send to a b c; waiting, 0 counted
stale a
	to be restarted; waiting, 0 counted
restart a b:down c:down
	failed: quorum: too few owners available (0 counted, unknown)
error
	write: quorum: too few owners available; 0 of 2 needed owners; unknown; b: quorum: too few owners available; c: quorum: too few owners available

# When it has ended, a stale ring changes nothing any more.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted
stale c
	ended well, 2 counted

# A write that was stamped anew is not stamped a second time after a restart.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b 7
	to be stamped above 7
restamped
	send to a b c; waiting, 0 counted
stale a
	to be restarted; waiting, 0 counted
restart a b d
	send to a b d; waiting, 0 counted
ack a 9
	waiting, 1 counted
ack d joined
	ended well, 2 counted, superseded

# A read keeps what it has joined, and counts anew.
read 2 a b c
	send to a b; waiting, 0 counted
answer a x@3
	waiting, 1 counted
stale b
	to be restarted; waiting, 1 counted
restart b c d
	send to b c; waiting, 0 counted
answer b absent
	waiting, 1 counted
answer c absent
	ended well, 2 counted, read x@3
behind
	behind: b c

# The error tells of the last ring's owners alone.
write 2 a b c
	send to a b c; waiting, 0 counted
fail c refused
	waiting, 0 counted
stale b
	to be restarted; waiting, 0 counted
restart a b d
	send to a b d; waiting, 0 counted
fail a refused
	waiting, 0 counted
fail b refused
	failed: quorum: too few owners available (0 counted, unknown)
error
	write: quorum: too few owners available; 0 of 2 needed owners; unknown; a: quorum: refused by an owner; b: quorum: refused by an owner; d: quorum: no answer yet
