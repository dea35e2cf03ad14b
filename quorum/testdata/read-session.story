# R have answered, and have what the session has seen.
read 1 floor 5 a b c
	send to a; waiting, 0 counted
answer a x@5
	ended well, 1 counted, read x@5

# Something newer does as well.
read 1 floor 5 a b c
	send to a; waiting, 0 counted
answer a y@7
	ended well, 1 counted, read y@7

# The first has not: everybody else is asked at once.
read 1 floor 5 a b c
	send to a; waiting, 0 counted
answer a x@3
	send to b c; waiting, 1 counted
answer b x@3
	waiting, 2 counted
answer c y@5
	ended well, 3 counted, read y@5

# Nobody has: all are asked again, more and more seldom, until it comes.
read 1 floor 5 within 1s hedge 100ms a b c
	send to a; waiting, 0 counted
answer a x@3
	send to b c; waiting, 1 counted
answer b absent
	waiting, 2 counted
answer c x@3
	waiting, 3 counted
tick 100ms
	send to a; waiting, 0 counted
answer a x@3
	send to b c; waiting, 1 counted
answer b x@3
	waiting, 2 counted
answer c x@3
	waiting, 3 counted
tick 200ms
	waiting, 3 counted
tick 300ms
	send to a; waiting, 0 counted
answer a x@3
	send to b c; waiting, 1 counted
answer b y@5
	ended well, 2 counted, read y@5

# Or does not come: nothing older is returned.
read 1 floor 5 within 300ms hedge 200ms a b c
	send to a; waiting, 0 counted
answer a x@3
	send to b c; waiting, 1 counted
answer b x@3
	waiting, 2 counted
answer c x@3
	waiting, 3 counted
tick 200ms
	send to a; waiting, 0 counted
answer a x@3
	send to b c; waiting, 1 counted
tick 300ms
	failed: quorum: no reachable owner has what the session has seen: quorum: deadline passed (1 counted, not applied)
error
	read: quorum: no reachable owner has what the session has seen: quorum: deadline passed; 1 of 1 needed owners (a); b: quorum: no answer yet; c: quorum: no answer yet

# An owner that came back empty does not count. What it has does.
read 1 floor 5 a b c
	send to a; waiting, 0 counted
answer a y@5 unsynced
	send to b; waiting, 0 counted
answer b x@3
	ended well, 1 counted, read y@5

# The one who has it cannot be reached.
read 2 floor 5 within 300ms hedge 200ms a b c
	send to a b; waiting, 0 counted
answer a x@3
	waiting, 1 counted
answer b x@3
	send to c; waiting, 2 counted
fail c unreachable
	waiting, 2 counted
tick 200ms
	send to a b; waiting, 0 counted
answer a x@3
	waiting, 1 counted
fail b unreachable
	send to c; waiting, 1 counted
fail c unreachable
	failed: quorum: no reachable owner has what the session has seen: quorum: too few owners available (1 counted, not applied)
error
	read: quorum: no reachable owner has what the session has seen: quorum: too few owners available; 1 of 2 needed owners (a); b: unreachable; c: unreachable

# What satisfies the session is repaired as well, if that was asked for.
read 1 keep 3 floor 5 a b c
	send to a b c; waiting, 0 counted
answer a x@3
	waiting, 1 counted
answer b y@5
	send to a; repairing, 1 have it
answer c x@3
	repairing, 1 have it
ack a joined
	repairing, 2 have it
ack c joined
	ended well, 2 counted, 3 have it, read y@5
