# R owners are asked, the first in the list first.
read 2 a b c
	send to a b; waiting, 0 counted
answer a x@3
	waiting, 1 counted
answer b x@3
	ended well, 2 counted, read x@3
behind
	behind:

# The join of the answers is returned; who lacked some of it is behind.
read 2 a b c
	send to a b; waiting, 0 counted
answer a x@3
	waiting, 1 counted
answer b y@5
	ended well, 2 counted, read y@5
behind
	behind: a

# A late answer still tells who is behind.
read 2 hedge 50ms a b c
	send to a b; waiting, 0 counted
tick 50ms
	send to c; waiting, 0 counted
answer c y@5
	waiting, 1 counted
answer a y@5
	ended well, 2 counted, read y@5
behind
	behind:
answer b absent
	ended well, 2 counted, read y@5
behind
	behind: b

# Absent is an answer.
read 2 a b c
	send to a b; waiting, 0 counted
answer a absent
	waiting, 1 counted
answer b x@1
	ended well, 2 counted, read x@1
behind
	behind: a
read 2 a b c
	send to a b; waiting, 0 counted
answer a absent
	waiting, 1 counted
answer b absent
	ended well, 2 counted
behind
	behind:

# Equal to what this node, the first, has.
read 3 a b c
	send to a b c; waiting, 0 counted
answer a x@3
	waiting, 1 counted
answer b equal
	waiting, 2 counted
answer c x@2
	ended well, 3 counted, read x@3
behind
	behind: c

# An answer counts once.
read 2 a b c
	send to a b; waiting, 0 counted
answer a x@3
	waiting, 1 counted
answer a x@3
	waiting, 1 counted
