package crdt

import (
	"testing"
)

func (c *causal) kept() *digest      { return c.digest }
func (t *table[K, V]) kept() *digest { return t.digest }

// TestFingerprintIsKept: a fingerprint is not made anew but moved on by what a
// change adds and takes. Something foreign in the sum stays in it, therefore,
// and all else is as if it were made anew.
func TestFingerprintIsKept(t *testing.T) {
	foreign := testKey.Sum([]byte("foreign"))
	ahead := sample(t)
	for name, s := range sample(t) {
		keeps, ok := s.(interface{ kept() *digest })
		if !ok {
			continue // a cell
		}
		s.Fingerprint(testKey)
		keeps.kept().sum = keeps.kept().sum.Add(foreign)
		for i, op := range moreOps[name] {
			p, _, err := ahead[name].ApplyBinary(mint(byte(5+i), uint64(50+i)), op, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if i > 0 {
				p = ahead[name].AppendBinary(nil)
			}
			if _, err := s.JoinBinary(p); err != nil {
				t.Fatal(err)
			}
			if got := s.Fingerprint(testKey).Sub(foreign); got != ahead[name].Fingerprint(testKey) {
				t.Errorf("%s: after %d changes %x, made anew %x", name, i+1, got, ahead[name].Fingerprint(testKey))
			}
		}
	}
}

// moreOps change the samples.
var moreOps = map[string][]Op{
	"firstregister":  {{Kind: OpWrite, Arg: "v"}},
	"mvregister":     {{Kind: OpWrite, Arg: "w"}, {Kind: OpReset}},
	"counter":        {{Kind: OpIncrement, Amount: 5}, {Kind: OpReset}},
	"growcounter":    {{Kind: OpIncrement, Amount: 5}, {Kind: OpIncrement, Amount: 6}},
	"boundedcounter": {{Kind: OpIncrement, Amount: 5}, {Kind: OpIncrement, Amount: 6}},
	"enablewins":     {{Kind: OpDisable}, {Kind: OpEnable}},
	"disablewins":    {{Kind: OpDisable}, {Kind: OpEnable}},
	"growset":        {{Kind: OpAdd, Arg: "new"}},
	"set":            {{Kind: OpAdd, Arg: "a"}, {Kind: OpRemove, Arg: "long"}, {Kind: OpReset}},
	"removewins":     {{Kind: OpAdd, Arg: "b"}, {Kind: OpRemove, Arg: "a"}, {Kind: OpReset}},
	"map":            {{Kind: OpRemove, Arg: "k"}, {Kind: OpReset}},
	"nestedmap":      {{Kind: OpRemove, Arg: "k"}},
	"lwwmap":         {{Kind: OpWrite, To: "k", Arg: "v"}, {Kind: OpRemove, To: "l"}},
	"list":           {{Kind: OpInsert, Arg: "c", To: "\x01"}, {Kind: OpReset}},
	"hyperloglog":    {{Kind: OpAdd, Arg: "c"}},
}
