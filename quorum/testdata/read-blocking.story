# Both have the same: nothing to write.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b x@1
	ended well, 2 counted, 2 have it, read x@1

# Nobody has anything: nothing to write either.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a absent
	waiting, 1 counted
answer b absent
	ended well, 2 counted, 0 have it

# A write that failed reached b alone: it is brought to a before anybody is told of it.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
ack a joined
	ended well, 2 counted, 2 have it, read y@9
behind
	behind:

# What acknowledges something newer has it, too.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
ack a 12
	ended well, 2 counted, 2 have it, read y@9

# The owner that was to be repaired does not answer: another one takes its place.
read 2 keep 2 hedge 50ms a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
tick 50ms
	send to c; repairing, 1 have it
ack c joined
	ended well, 2 counted, 2 have it, read y@9

# It refuses: so does the other take its place.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
fail a overloaded
	send to c; repairing, 1 have it
ack c joined
	ended well, 2 counted, 2 have it, read y@9
behind
	behind: a

# A late answer that has the state counts, without a write.
read 2 keep 2 hedge 50ms a b c
	send to a b; waiting, 0 counted
tick 50ms
	send to c; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
late answer c y@9
	ended well, 2 counted, 2 have it, read y@9

# A late answer with more does not change what is returned, and is behind nobody.
read 2 keep 2 hedge 50ms a b c
	send to a b; waiting, 0 counted
tick 50ms
	send to c; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
late answer c z@12
	send to c; repairing, 1 have it
ack a joined
	ended well, 2 counted, 2 have it, read y@9
behind
	behind: c

# A late answer with less is repaired as well.
read 2 keep 2 hedge 50ms a b c
	send to a b; waiting, 0 counted
tick 50ms
	send to c; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
late answer c absent
	send to c; repairing, 1 have it

# What the deadline finds at too few owners is not returned.
read 2 keep 2 within 1s hedge 2s a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
tick 1s
	failed: quorum: what was read is at too few owners: quorum: deadline passed (2 counted, not applied)
error
	read: quorum: what was read is at too few owners: quorum: deadline passed; 1 of 2 needed owners (b); a: quorum: no answer yet

# Nor is what too few owners take.
read 2 keep 2 a b c:down
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
fail a refused
	failed: quorum: what was read is at too few owners: quorum: too few owners available (2 counted, not applied)
error
	read: quorum: what was read is at too few owners: quorum: too few owners available; 1 of 2 needed owners (b); a: quorum: refused by an owner; c: quorum: too few owners available

# Nor does the caller see it who gives up.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
end canceled
	failed: quorum: what was read is at too few owners: canceled (2 counted, not applied)
error
	read: quorum: what was read is at too few owners: canceled; 1 of 2 needed owners (b); a: quorum: no answer yet

# All must have what one of them is asked for: they are asked at once.
read 1 keep 3 a b c
	send to a b c; waiting, 0 counted
answer a x@1
	repairing, 1 have it
answer b x@1
	repairing, 2 have it
answer c x@1
	ended well, 1 counted, 3 have it, read x@1

# One of them lacks it.
read 1 keep 3 a b c
	send to a b c; waiting, 0 counted
answer a x@1
	repairing, 1 have it
answer c absent
	send to b c; repairing, 1 have it
answer b x@1
	repairing, 1 have it
late answer b x@1
	repairing, 2 have it
ack c joined
	ended well, 1 counted, 3 have it, read x@1

# One that is down is one too many: that is known before anything is sent.
read 1 keep 3 a b c:down
	failed: quorum: too few owners available (0 counted, not applied)
error
	read: quorum: too few owners available; 0 of 3 needed owners; c: quorum: too few owners available

# An owner that is not synced does not count in the read. It may well keep what was read.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a absent unsynced
	send to c; waiting, 0 counted
answer b y@9
	waiting, 1 counted
answer c x@1
	send to a c; repairing, 1 have it
ack a joined
	ended well, 2 counted, 2 have it, read y@9

# The driver is asked before anything is written.
read 2 keep 2 ask driver a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	to be repaired, if the driver agrees
mend
	send to a; repairing, 1 have it
ack a joined
	ended well, 2 counted, 2 have it, read y@9

# It may be against it.
read 2 keep 2 ask driver a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	to be repaired, if the driver agrees
waive
	ended well, 2 counted, 1 have it, not repaired, read y@9
behind
	behind: a

# Meanwhile an answer may have come that makes it needless.
read 2 keep 2 ask driver hedge 50ms a b c
	send to a b; waiting, 0 counted
tick 50ms
	send to c; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	to be repaired, if the driver agrees
answer c y@9
	ended well, 2 counted, 2 have it, read y@9
mend
	ended well, 2 counted, 2 have it, read y@9

# A tombstone is a state like any other.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b deleted@9
	send to a; repairing, 1 have it
ack a joined
	ended well, 2 counted, 2 have it
