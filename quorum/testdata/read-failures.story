# One more is asked when one fails.
read 2 a b c
	send to a b; waiting, 0 counted
fail a unreachable
	send to c; waiting, 0 counted
answer b x@1
	waiting, 1 counted
answer c x@1
	ended well, 2 counted, read x@1

# And when too few are left, the read fails.
read 2 a b c
	send to a b; waiting, 0 counted
fail a unreachable
	send to c; waiting, 0 counted
fail b unreachable
	failed: quorum: too few owners available (0 counted, not applied)
error
	read: quorum: too few owners available; 0 of 2 needed owners; a: unreachable; b: unreachable; c: quorum: no answer yet

# Those believed dead are not asked.
read 2 a:down b c
	send to b c; waiting, 0 counted
read 3 a:down b c
	failed: quorum: too few owners available (0 counted, not applied)

# An unsynced owner's answer is joined and does not count; it is not repaired either.
read 2 a b c
	send to a b; waiting, 0 counted
answer a y@9 unsynced
	send to c; waiting, 0 counted
answer b x@1
	waiting, 1 counted
answer c x@1
	ended well, 2 counted, read y@9
behind
	behind: b c

# Nor does its "not found".
read 2 a b c
	send to a b; waiting, 0 counted
answer a absent unsynced
	send to c; waiting, 0 counted
answer b absent unsynced
	failed: quorum: too few owners available (0 counted, not applied)
error
	read: quorum: too few owners available; 0 of 2 needed owners; a: quorum: owner is not synced; b: quorum: owner is not synced; c: quorum: no answer yet

# What cannot be decoded counts as failed.
read 2 a b c
	send to a b; waiting, 0 counted
answer a garbage
	it is no state; send to c; waiting, 0 counted
answer b x@1
	waiting, 1 counted
answer c x@1
	ended well, 2 counted, read x@1
behind
	behind:

# The deadline.
read 2 within 300ms hedge 1s a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
tick 300ms
	failed: quorum: deadline passed (1 counted, not applied)
error
	read: quorum: deadline passed; 1 of 2 needed owners (a); b: quorum: no answer yet

# An unsynced owner that is behind is left to its fill.
read 2 a b c
	send to a b; waiting, 0 counted
answer a x@1 unsynced
	send to c; waiting, 0 counted
answer b y@9
	waiting, 1 counted
answer c y@9
	ended well, 2 counted, read y@9
behind
	behind:
