# Too few are alive: a fallback keeps a hint for one that is missing.
write 2 hints yes a b:down c:down d:fallback e:fallback
	send to a d; d stands for b; waiting, 0 counted
ack d joined
	waiting, 0 counted
ack a joined
	ended well, 1 counted, 1 fallbacks
error
	<nil>

# Without need none is asked.
write 2 hints yes a b c:down d:fallback
	send to a b; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted

# Nor without hints that count.
write 2 a b:down c:down d:fallback
	failed: quorum: too few owners available (0 counted, not applied)

# An owner fails on the way.
write 2 hints yes a b c:down d:fallback
	send to a b; waiting, 0 counted
ack a joined
	waiting, 1 counted
fail b unreachable maybe
	send to d; d stands for b; waiting, 1 counted
ack d joined
	ended well, 1 counted, 1 fallbacks

# A fallback that has no room is passed over for the next.
write 2 hints yes a b:down c:down d:fallback e:fallback
	send to a d; d stands for b; waiting, 0 counted
fail d overloaded
	send to e; e stands for b; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack e joined
	ended well, 1 counted, 1 fallbacks

# Only when there are no more, a hint of the driver counts.
write 2 hints yes a b:down c:down d:fallback
	send to a d; d stands for b; waiting, 0 counted
ack a joined
	waiting, 1 counted
fail d overloaded
	short of b
hinted b yes
	ended well, 1 counted, 1 hints
error
	<nil>

# One for each that is missing; the hint is for whom there is no fallback.
write 3 hints yes a b:down c:down d:fallback
	send to a d; d stands for b; short of c
hinted c yes
	waiting, 0 counted
ack a joined
	waiting, 1 counted
ack d joined
	ended well, 1 counted, 1 fallbacks, 1 hints

# All of them, and none for the one that stays.
write 3 hints yes a:down b:down c:down d:fallback e:fallback f:fallback
	send to d e f; d stands for a; e stands for b; f stands for c; waiting, 0 counted
ack f joined
	waiting, 0 counted
ack d joined
	waiting, 0 counted
ack e joined
	ended well, 0 counted, 3 fallbacks

# Nobody keeps it, and nothing was changed.
write 2 hints yes a:down b:down d:fallback e:fallback
	send to d e; d stands for a; e stands for b; waiting, 0 counted
fail d overloaded
	short of a
hinted a no
	failed: quorum: too few owners available (0 counted, unknown)
fail e refused
	failed: quorum: too few owners available (0 counted, not applied)
error
	write: quorum: too few owners available; 0 of 2 needed owners; not applied; a: quorum: too few owners available; b: quorum: too few owners available; d: quorum: owners are overloaded; e: quorum: refused by an owner

# A fallback that does not answer may keep it.
write 2 hints yes a b:down c:down d:fallback
	send to a d; d stands for b; waiting, 0 counted
fail d unreachable maybe
	short of b
hinted b no
	short of c
hinted c no
	failed: quorum: too few owners available (0 counted, unknown)
error
	write: quorum: too few owners available; 0 of 2 needed owners; unknown; a: quorum: no answer yet; b: quorum: too few owners available; c: quorum: too few owners available; d: unreachable

# So may one that has not answered by the deadline.
write 1 hints yes a:down d:fallback
	send to d; d stands for a; waiting, 0 counted
tick 1s
	failed: quorum: deadline passed (0 counted, unknown)
error
	write: quorum: deadline passed; 0 of 1 needed owners; unknown; a: quorum: too few owners available; d: quorum: no answer yet

# A fallback that is slow is no unreachable one.
write 2 hints yes a b:down c:down d:fallback e:fallback
	send to a d; d stands for b; waiting, 0 counted
ack a joined
	waiting, 1 counted
tick 999ms
	waiting, 1 counted
tick 1s
	failed: quorum: deadline passed (1 counted, unknown)

# Stamped again, it is sent to owners and fallbacks again.
write 2 hints yes a b:down c:down d:fallback
	send to a d; d stands for b; waiting, 0 counted
ack d joined
	waiting, 0 counted
ack a 7
	to be stamped above 7
restamped
	send to a d; d stands for b; waiting, 0 counted
late ack d joined
	waiting, 0 counted
ack a joined
	waiting, 1 counted
ack d joined
	ended well, 1 counted, 1 fallbacks

# A fallback in another zone than the owner's, which may be away as a whole.
write 3 hints yes a/1 b:down/2 c:down/3 d:fallback/2 e:fallback/3 f:fallback/3
	send to a d e; d stands for c; e stands for b; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack d joined
	waiting, 1 counted
ack e joined
	ended well, 1 counted, 2 fallbacks

# One zone is left.
write 2 hints yes a/1 b:down/1 c:down/1 d:fallback/1
	send to a d; d stands for b; waiting, 0 counted
ack d joined
	waiting, 0 counted
ack a joined
	ended well, 1 counted, 1 fallbacks

# While owners change, one that is an owner in both placements counts in both.
write 2 hints yes a b:old c:down d:new e:fallback f:fallback
	send to a b d; waiting, 0 counted
ack a joined
	waiting, 1 counted
fail b unreachable
	send to e; e stands for b; waiting, 1 counted
fail d unreachable
	send to f; f stands for c; waiting, 1 counted
ack f joined
	ended well, 1 counted, 1 fallbacks
ack e joined
	ended well, 1 counted, 1 fallbacks

# The ring has changed: it all begins anew.
write 2 hints yes a b:down c:down d:fallback
	send to a d; d stands for b; waiting, 0 counted
ack a joined
	waiting, 1 counted
stale d
	to be restarted; waiting, 1 counted
restart a b c:down d:fallback
	send to a b; waiting, 0 counted
late ack d joined
	waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted

# One of the two that are missing has somebody to stand for it: that is not enough.
write 3 hints yes a b:down c:down d:fallback e:fallback
	send to a d e; d stands for b; e stands for c; waiting, 0 counted
ack d joined
	waiting, 0 counted
ack a joined
	waiting, 1 counted
fail e overloaded
	short of c
hinted c no
	failed: quorum: too few owners available (1 counted, unknown)
error
	write: quorum: too few owners available; 1 of 3 needed owners (a), and 1 by fallbacks; unknown; b: quorum: too few owners available; c: quorum: too few owners available; e: quorum: owners are overloaded
