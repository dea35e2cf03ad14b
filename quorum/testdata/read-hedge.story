# After each delay one more is asked, as long as there is one.
read 1 within 1s hedge 100ms a b c
	send to a; waiting, 0 counted
tick 99ms
	waiting, 0 counted
tick 100ms
	send to b; waiting, 0 counted
tick 150ms
	waiting, 0 counted
tick 200ms
	send to c; waiting, 0 counted
tick 300ms
	waiting, 0 counted
answer b x@1
	ended well, 1 counted, read x@1

# A failure asks one more at once, the delay goes on.
read 1 within 1s hedge 100ms a b c
	send to a; waiting, 0 counted
fail a unreachable
	send to b; waiting, 0 counted
tick 100ms
	send to c; waiting, 0 counted
answer b absent
	ended well, 1 counted
