# d takes over from a: as many in each placement must have it.
read 2 keep 2 a:old b c d:new
	send to a b c; waiting, 0 counted
answer a x@1
	waiting, 0 counted
answer b y@9
	waiting, 1 counted
answer c x@1
	send to a c; repairing, 1 have it
ack c joined
	ended well, 2 counted, 2 have it, read y@9

# Whoever is in one placement alone is not enough for the other.
read 2 keep 2 a:old b c d:new
	send to a b c; waiting, 0 counted
answer a y@9
	waiting, 0 counted
answer b y@9
	waiting, 1 counted
answer c x@1
	send to c; repairing, 1 have it
ack d joined
	ended well, 2 counted, 2 have it, read y@9

# An owner to be that is not filled takes it, too.
read 2 keep 2 b a:old d:new c:down
	send to b a d; waiting, 0 counted
answer b y@9
	waiting, 1 counted
answer a y@9
	waiting, 1 counted
answer d absent unsynced
	send to d; repairing, 1 have it
ack d joined
	ended well, 2 counted, 2 have it, read y@9

# The ring moves during the repair: it begins anew, and what was read stays read.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
stale a
	to be restarted; repairing, 1 have it
restart d b c
	send to d b; waiting, 0 counted
answer d x@1
	waiting, 1 counted
answer b y@9
	send to d; repairing, 1 have it
ack d joined
	ended well, 2 counted, 2 have it, read y@9

# Even if nobody has it any more: who read it before was not told yet, but may be later.
read 2 keep 2 a b c
	send to a b; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer b y@9
	send to a; repairing, 1 have it
stale a
	to be restarted; repairing, 1 have it
restart a d c
	send to a d; waiting, 0 counted
answer a x@1
	waiting, 1 counted
answer d x@1
	send to a d; repairing, 0 have it
ack a joined
	repairing, 1 have it
ack d joined
	ended well, 2 counted, 2 have it, read y@9
