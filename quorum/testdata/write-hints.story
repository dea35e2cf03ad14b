# Too few are alive, and hints count: whoever can be reached is waited for.
write 2 hints yes a b:down c:down
	send to a; short of b
hinted b yes
	waiting, 0 counted
ack a joined
	ended well, 1 counted, 1 hints
error
	<nil>

# Without need no hint counts.
write 2 hints yes a b c:down
	send to a b; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted

# The one that is left fails, too: another hint has to count.
write 2 hints yes a b:down c:down
	send to a; short of b
hinted b yes
	waiting, 0 counted
fail a unreachable maybe
	short of a
hinted a no
	short of c
hinted c yes
	ended well, 0 counted, 2 hints

# There is no room for hints.
write 2 hints yes a b:down c:down
	send to a; short of b
hinted b no
	short of c
hinted c no
	failed: quorum: too few owners available (0 counted, unknown)
error
	write: quorum: too few owners available; 0 of 2 needed owners; unknown; a: quorum: no answer yet; b: quorum: too few owners available; c: quorum: too few owners available

# A hint that is kept may be joined later, whatever becomes of the write.
write 3 hints yes a b:down c:down
	send to a; short of b c
hinted b yes
	short of c
hinted c no
	failed: quorum: too few owners available (0 counted, unknown)
error
	write: quorum: too few owners available; 0 of 3 needed owners, and 1 by hints; unknown; a: quorum: no answer yet; b: quorum: too few owners available; c: quorum: too few owners available

# Nobody can be reached.
write 2 hints yes a:down b:down c:down
	short of a b
hinted a yes
	short of b
hinted b yes
	ended well, 0 counted, 2 hints

# More are wanted than there are.
write 3 hints yes a b:down
	failed: quorum: too few owners available (0 counted, not applied)
error
	write: quorum: too few owners available; 0 of 3 needed owners, the ring has 2; not applied; b: quorum: too few owners available

# Stamped again, what counted before does not count any more.
write 3 hints yes a b c:down
	send to a b; short of c
hinted c yes
	waiting, 0 counted
ack a 7
	waiting, 1 counted
ack b joined
	to be stamped above 7
restamped
	send to a b; short of c
hinted c yes
	waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted, 1 hints

# While owners change, one that is an owner in both placements counts in both.
write 2 hints yes a b:old c:down d:new
	send to a b d; waiting, 0 counted
ack a joined
	waiting, 1 counted
fail b unreachable
	short of b
fail d unreachable
	short of c
hinted c yes
	ended well, 1 counted, 1 hints

# A slow owner is no unreachable one.
write 2 hints yes a b c:down
	send to a b; waiting, 0 counted
ack a joined
	waiting, 1 counted
tick 1s
	failed: quorum: deadline passed (1 counted, unknown)
