// Package crdttest checks the laws of replicated data types: of those in
// package crdt, and of anybody's.
//
// A type that breaks a law diverges, seldom and far from the cause. The laws
// are few and can be checked by machine: joins commute, associate and are
// idempotent; a mutation only inflates; its delta does what the whole state
// would; equal states have equal bytes and equal fingerprints, and only they;
// what a join reports is what changed; nothing is shared that can be changed.
//
// [Laws] checks them in two ways. It enumerates every schedule of a few
// operations at three replicas, with every set of deltas that a replica may
// have received before it acts, and every order in which they may arrive, lost
// and repeated: what is wrong with a type shows in small cases. And it draws
// long random histories, which shrink when they fail. If the type's textbook
// definition is given too, as a function of what happened, both compare the two:
// see [Generator.Spec].
//
//	crdttest.Laws(t, crdttest.Generator[*MySet]{
//		New: NewMySet,
//		Ops: []crdttest.Op[*MySet]{{"add", func(s *MySet, m crdt.Mint) (*MySet, error) { return s.Add(m, "x") }}},
//	})
//
// A check that nothing fails proves nothing: give [Find] a variant of your type
// that is broken on purpose, and see that it names the law.
package crdttest
