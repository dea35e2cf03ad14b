# d takes over from a: two acknowledgements in each placement are needed.
write 2 a:old b c d:new
	send to a b c d; waiting, 0 counted
ack a joined
	waiting, 0 counted
ack b joined
	waiting, 1 counted
ack d joined
	ended well, 2 counted

# Owners of both placements count in both.
write 2 a:old b c d:new
	send to a b c d; waiting, 0 counted
ack b joined
	waiting, 1 counted
ack c joined
	ended well, 2 counted

# The coming placement cannot be reached: what was acknowledged may stay.
write 2 a:old b c:down d:new
	send to a b d; waiting, 0 counted
ack a joined
	waiting, 0 counted
ack b joined
	waiting, 1 counted
fail d unreachable
	failed: quorum: too few owners available (1 counted, unknown)
error
	write: quorum: too few owners available; 1 of 2 needed owners (a, b); unknown; c: quorum: too few owners available; d: unreachable

# It is known before anything is sent.
write 2 a:old b c:down d:down
	failed: quorum: too few owners available (0 counted, not applied)
