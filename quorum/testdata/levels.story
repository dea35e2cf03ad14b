# A local quorum is more than half of the owners in the coordinator's zone; all owners are sent the write.
write localquorum a/1 b/1 c/2
	send to a b c; waiting, 0 counted
ack c joined
	waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted

# A read at a local level asks nobody else.
read localquorum a/1 b/1 c/2
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b x@1
	ended well, 2 counted, read x@1

read localone a/1 b/1 c/2
	send to a; waiting, 0 counted
fail a unreachable
	send to b; waiting, 0 counted
answer b x@1
	ended well, 1 counted, read x@1

# When the zone has too few owners that are alive, nothing is sent.
write localquorum a:down/1 b/1 c/2
	failed: quorum: too few owners available (0 counted, not applied)
read localone c/2 d/2
	failed: quorum: too few owners available: 0 owners of the key are in this zone (0 counted, not applied)
error
	read: quorum: too few owners available: 0 owners of the key are in this zone; 0 of 1 needed owners

# While owners change, the local quorum is needed in both placements.
write localquorum a:old/1 b/1 d:new/1 c/2
	send to a b d c; waiting, 0 counted
ack b joined
	waiting, 1 counted
ack a joined
	waiting, 1 counted
ack d joined
	ended well, 2 counted

# Two acknowledgements of one zone are not enough where two zones are asked for.
write 2 zones 2 a/1 b/1 c/2
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	waiting, 2 counted
ack c joined
	ended well, 3 counted

# The zone of c is down: two zones cannot be had, and nothing is sent.
write 2 zones 2 a/1 b/1 c:down/2
	failed: quorum: too few owners available: acknowledgements from 2 zones are wanted (0 counted, not applied)
error
	write: quorum: too few owners available: acknowledgements from 2 zones are wanted; 0 of 2 needed owners; not applied; c: quorum: too few owners available

# It goes down while the write is under way: what a and b have stays, unknown.
write 2 zones 2 a/1 b/1 c/2
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	waiting, 2 counted
fail c unreachable
	failed: quorum: too few owners available: acknowledgements from 2 zones are wanted (2 counted, unknown)
error
	write: quorum: too few owners available: acknowledgements from 2 zones are wanted; 2 of 2 needed owners (a, b); unknown; c: unreachable

# Three zones of three, although one acknowledgement would do.
write 1 zones 3 a/1 b/2 c/3
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack c joined
	waiting, 2 counted
ack b joined
	ended well, 3 counted
