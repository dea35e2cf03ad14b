# All owners are sent to; W acknowledgements end the write, later ones change nothing.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack a joined
	waiting, 1 counted
ack b equal
	ended well, 2 counted
ack c joined
	ended well, 2 counted
error
	<nil>

# What is late may fail without harm.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
ack b joined
	ended well, 2 counted
fail c unreachable maybe
	ended well, 2 counted
tick 2s
	ended well, 2 counted

# W of one is enough where the caller says so; all are sent to anyway.
write 1 a b c
	send to a b c; waiting, 0 counted
ack c joined
	ended well, 1 counted
