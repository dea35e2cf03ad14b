# d takes over from a: two answers in each placement are needed.
read 2 a:old b c d:new
	send to a b c; waiting, 0 counted
answer a x@1
	waiting, 0 counted
answer b x@1
	waiting, 1 counted
answer c y@2
	ended well, 2 counted, read y@2
behind
	behind: a b

# Whoever counts in both placements may be enough.
read 2 b c a:old d:new
	send to b c; waiting, 0 counted
answer b x@1
	waiting, 1 counted
answer c x@1
	ended well, 2 counted, read x@1

# An owner to be that is not filled shows that nobody has left the old placement.
read 2 a:old b d:new c
	send to a b d; waiting, 0 counted
answer a x@1
	waiting, 0 counted
answer b x@1
	waiting, 1 counted
answer d absent unsynced
	ended well, 2 counted, read x@1
behind
	behind:

# One that is filled answers like the others, and is repaired like them.
read 2 a:old b d:new c
	send to a b d; waiting, 0 counted
answer a x@1
	waiting, 0 counted
answer b y@2
	waiting, 1 counted
answer d x@1
	ended well, 2 counted, read y@2
behind
	behind: a d

# Two in the old placement do not make up for one in the new.
read 2 a:old b c:down d:new
	send to a b d; waiting, 0 counted
answer a x@1
	waiting, 0 counted
answer b x@1
	waiting, 1 counted
fail d unreachable
	failed: quorum: too few owners available (1 counted, not applied)
error
	read: quorum: too few owners available; 1 of 2 needed owners (a, b); c: quorum: too few owners available; d: unreachable

# An old owner that is not synced counts in no placement.
read 2 a:old b c d:new
	send to a b c; waiting, 0 counted
answer a x@1
	waiting, 0 counted
answer b absent unsynced
	send to d; waiting, 0 counted
answer c x@1
	waiting, 1 counted
answer d x@1
	ended well, 2 counted, read x@1
behind
	behind:

# The delay asks owners to be as well.
read 1 within 1s hedge 100ms a:old b d:new
	send to a b; waiting, 0 counted
tick 100ms
	send to d; waiting, 0 counted
tick 200ms
	waiting, 0 counted
