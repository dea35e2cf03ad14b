# Too few are alive: nothing is sent.
write 2 a b:down c:down
	failed: quorum: too few owners available (0 counted, not applied)
error
	write: quorum: too few owners available; 0 of 2 needed owners; not applied; b: quorum: too few owners available; c: quorum: too few owners available

# All refuse: nothing was applied.
write 2 a b c
	send to a b c; waiting, 0 counted
fail a refused
	waiting, 0 counted
fail b refused
	failed: quorum: too few owners available (0 counted, unknown)
error
	write: quorum: too few owners available; 0 of 2 needed owners; unknown; a: quorum: refused by an owner; b: quorum: refused by an owner; c: quorum: no answer yet

# One of those that were sent to may have it.
write 2 a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
fail b refused
	waiting, 1 counted
fail c unreachable maybe
	failed: quorum: too few owners available (1 counted, unknown)
error
	write: quorum: too few owners available; 1 of 2 needed owners (a); unknown; b: quorum: refused by an owner; c: unreachable

# Refused by two, and the third has not answered: it may have it.
write 2 a b c
	send to a b c; waiting, 0 counted
fail a refused
	waiting, 0 counted
fail b overloaded
	failed: quorum: owners are overloaded (0 counted, unknown)
error
	write: quorum: owners are overloaded; 0 of 2 needed owners; unknown; a: quorum: refused by an owner; b: quorum: owners are overloaded; c: quorum: no answer yet
ack c joined
	failed: quorum: owners are overloaded (0 counted, unknown)

# Its refusal comes late, and then it is known that nobody has it.
write 2 a b c
	send to a b c; waiting, 0 counted
fail a refused
	waiting, 0 counted
fail b refused
	failed: quorum: too few owners available (0 counted, unknown)
fail c refused
	failed: quorum: too few owners available (0 counted, not applied)
error
	write: quorum: too few owners available; 0 of 2 needed owners; not applied; a: quorum: refused by an owner; b: quorum: refused by an owner; c: quorum: refused by an owner

# Overload and size are told apart from the rest.
write 2 a b c
	send to a b c; waiting, 0 counted
fail a unreachable
	waiting, 0 counted
fail b overloaded
	failed: quorum: owners are overloaded (0 counted, unknown)
write 2 a b c
	send to a b c; waiting, 0 counted
fail a toolarge
	waiting, 0 counted
fail b overloaded
	failed: quorum: key or value too large (0 counted, unknown)

# The deadline.
write 2 within 500ms a b c
	send to a b c; waiting, 0 counted
ack a joined
	waiting, 1 counted
tick 499ms
	waiting, 1 counted
tick 500ms
	failed: quorum: deadline passed (1 counted, unknown)
error
	write: quorum: deadline passed; 1 of 2 needed owners (a); unknown; b: quorum: no answer yet; c: quorum: no answer yet
ack b joined
	failed: quorum: deadline passed (1 counted, unknown)
tick 900ms
	failed: quorum: deadline passed (1 counted, unknown)

# The caller gives up.
write 2 a b c
	send to a b c; waiting, 0 counted
end canceled
	failed: canceled (0 counted, unknown)
end overloaded
	failed: canceled (0 counted, unknown)
error
	write: canceled; 0 of 2 needed owners; unknown; a: quorum: no answer yet; b: quorum: no answer yet; c: quorum: no answer yet

# The ring has fewer members than the write needs, and it is nobody's fault.
write 2 a
	failed: quorum: too few owners available (0 counted, not applied)
error
	write: quorum: too few owners available; 0 of 2 needed owners, the ring has 1; not applied
write 2 a b:new c:new
	failed: quorum: too few owners available (0 counted, not applied)
error
	write: quorum: too few owners available; 0 of 2 needed owners, the ring has 1; not applied
