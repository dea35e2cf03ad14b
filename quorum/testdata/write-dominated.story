# An owner has something newer: the write is stamped above it and sent anew, to all.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b 7
	to be stamped above 7
restamped
	send to a b c; waiting, 0 counted

# Acknowledgements of the first form do not count for the second.
late ack c joined
	waiting, 0 counted
late ack a joined
	waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted

# Once is enough: what dominates the second form is concurrent.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a 5
	waiting, 1 counted
ack c 9
	to be stamped above 9
restamped
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b 11
	ended well, 2 counted, superseded

# A dominated acknowledgement beyond the W-th does not matter.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted
ack c 9
	ended well, 2 counted

# The owners fail in the second round: the first may have been joined.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b 7
	to be stamped above 7
restamped
	send to a b c; waiting, 0 counted
fail a refused
	waiting, 0 counted
fail b refused
	failed: quorum: too few owners available (0 counted, unknown)
error
	write: quorum: too few owners available; 0 of 2 needed owners; unknown; a: quorum: refused by an owner; b: quorum: refused by an owner; c: quorum: no answer yet

# The same, but the failures of the first round are forgotten.
write 2 a b c
	send to a b c; waiting, 0 counted
fail a unreachable maybe
	waiting, 0 counted
ack b joined
	waiting, 1 counted
ack c 7
	to be stamped above 7
restamped
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted

# The error tells of the last round alone.
write 2 a b c
	send to a b c; waiting, 0 counted
fail a unreachable maybe
	waiting, 0 counted
ack b joined
	waiting, 1 counted
ack c 7
	to be stamped above 7
restamped
	send to a b c; waiting, 0 counted
fail b refused
	waiting, 0 counted
fail c refused
	failed: quorum: too few owners available (0 counted, unknown)
error
	write: quorum: too few owners available; 0 of 2 needed owners; unknown; a: quorum: no answer yet; b: quorum: refused by an owner; c: quorum: refused by an owner
