// Package rumor spreads updates as rumors spread: whoever hears of one tells a
// few others, until telling has become pointless.
//
// A [Core] holds the updates that are hot at one node and decides whom to tell
// and when to lose interest, by one [Policy]. The family is that of Demers et
// al., "Epidemic Algorithms for Replicated Database Maintenance" (PODC 1987):
// direct mail of section 1.2 ([Mail]), and the rumors of section 1.4: push, pull or both; feedback or blind; counter or coin;
// minimisation; connection limit and hunting. The median counter is that of
// Karp, Schindelhauer, Shenker and Vöcking, "Randomized Rumor Spreading" (FOCS
// 2000), and [Tree] targets are Plumtree (Leitão, Pereira and Rodrigues, SRDS 2007).
//
// A core is a machine: inputs are calls with the time as an argument, outputs
// are values in an [Effects] that the caller owns. It does no input or output,
// reads no clock and starts no goroutine. It holds no list of members but asks
// [Peers] for one at a time, so a million cores fit in one process, and it knows
// no data: the caller joins what has come and says what was news
// ([Rumor.News], [Ref.Lacks]).
//
//	core.Originate(now, rumor.Rumor{Key: key, Version: v, Body: delta}, &out)
//	for _, s := range out.Sends { … }                 // and out.Reset()
//	for i := range m.Rumors { m.Rumors[i].News = join(m.Rumors[i]) }
//	core.Receive(now, from, m, &out)
//	if at, ok := core.Deadline(); ok { … core.Tick(at, &out) }
//
// # Cycles
//
// The time between two ticks of a node is a cycle. What is heard in a cycle is
// told from the next on, and what the contacts of a cycle have shown is judged
// at its end. Driven in lock-step, all ticks first and then all messages until
// none is left, with news judged by what a node knew when the cycle began, the
// cores follow the paper exactly; driven by deadlines they are the same code.
//
// # Structured targets
//
// Pushing blindly to random members leaves a share of e^-m of them untold after
// m messages a member, whatever the rule for stopping: some are drawn often,
// some never. [Structured] targets break that wall. Each rumor carries a salt,
// each salt stands for any number of orders of the members, sorted by a salted
// hash, and the n-th message of a rumor goes to the successor in the n-th order.
// So everybody is told exactly K times, and the residue is about the K-th power
// of the share of messages that are lost.
//
// As everybody can expect K copies, what does not come tells of the network. A
// node that has waited [Policy.Patience] cycles makes up for each copy that it
// missed with further ones ([Policy.Resend]) and with names ([Policy.Remind]),
// on further orders: where nothing is lost they cost nothing, and where much is
// lost they come by themselves, without an answer to any message.
//
// # Zones
//
// Traffic between zones is slow or costs money. With [Policy.Far] most orders sort
// the members by zone first: every successor but that of the last in a zone is in
// the same zone, and everybody still has exactly one in each order. One order of
// so many is over all zones; its share of the copies is sure to go far, so that an
// update is in all zones after few hops, and the residue is what it was. Demers et
// al. (section 3) choose by distance, with a probability that falls with a power of
// it; near and far are the two distances that zones tell.
//
// # Trees
//
// [Tree] targets have hardly a copy too many: bodies go along a spanning tree that
// the first updates leave behind, and names on the links beside it, by which the
// tree is mended where nodes or messages are lost. One update after the other is
// told so; a node that crashes cuts its branch off for two cycles.
//
// # Targets
//
// [DefaultPolicy] is a policy for a network of which nothing is known. A [Controller]
// measures it and says by how many copies and at what pace a [Target] is met
// ([Core.Tune]); a rumor carries the K of its origin, so that everybody who misses
// copies of it counts by the same number.
//
// # Defaults
//
// [DefaultPolicy] is what "go run ./bench convergence -compare" measures beside
// memberlist's rule; bench/convergence/README.md has its figures and those of the
// policies that it was chosen from.
package rumor
