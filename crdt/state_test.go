package crdt

import (
	"cmp"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

var fingerprints = draw(func(t *rapid.T) Fingerprint {
	var f Fingerprint
	copy(f[:], rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0x80, 0xff}), 16, 16).Draw(t, "f"))
	return f
})

// TestFingerprintGroup: sums of fingerprints form an abelian group, so entries
// may be added and taken out in any order.
func TestFingerprintGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := fingerprints.Draw(t, "a"), fingerprints.Draw(t, "b"), fingerprints.Draw(t, "c")
		if a.Add(b) != b.Add(a) {
			t.Fatal("not commutative")
		}
		if a.Add(b).Add(c) != a.Add(b.Add(c)) {
			t.Fatal("not associative")
		}
		if a.Add(b).Sub(b) != a || !a.Sub(a).IsZero() || a.Add(Fingerprint{}) != a {
			t.Fatal("no group")
		}
	})
}

// TestFingerprintIsNotXor: an entry added twice must not vanish.
func TestFingerprintIsNotXor(t *testing.T) {
	f := testKey.Sum([]byte("entry"))
	if f.Add(f).IsZero() {
		t.Error("an entry cancels itself")
	}
}

// TestSumVectors pins SipHash-2-4-128 with the vectors of its reference
// implementation: key 00..0f, messages of 0, 1 and 15 bytes 00, 01, ...
func TestSumVectors(t *testing.T) {
	var key Key
	message := make([]byte, 15)
	for i := range key {
		key[i] = byte(i)
	}
	for i := range message {
		message[i] = byte(i)
	}
	for n, want := range map[int]string{
		0:  "a3817f04ba25a8e66df67214c7550293",
		1:  "da87c1d86b99af44347659119b22fc45",
		15: "5493e99933b0a8117e08ec0f97cfc3d9",
	} {
		f := key.Sum(message[:n])
		if got := hex.EncodeToString(f[:]); got != want {
			t.Errorf("the sum of %d bytes is %s, not %s", n, got, want)
		}
	}
}

func TestSumDependsOnTheKey(t *testing.T) {
	for i := range testKey {
		other := testKey
		other[i] ^= 1
		if other.Sum([]byte("x")) == testKey.Sum([]byte("x")) {
			t.Errorf("byte %d of the key does not matter", i)
		}
	}
}

var stamps = draw(func(t *rapid.T) Stamp {
	return at(rapid.Uint64Range(0, 3).Draw(t, "time"), rapid.SampledFrom([]byte{1, 2, 0xff}).Draw(t, "actor"))
})

func TestStampOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := stamps.Draw(t, "a"), stamps.Draw(t, "b"), stamps.Draw(t, "c")
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (a == b) {
			t.Fatal("no order")
		}
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Fatal("not transitive")
		}
		if a.Time != b.Time && a.Compare(b) != cmp.Compare(a.Time, b.Time) {
			t.Fatal("the time does not come first")
		}
	})
	if !(Stamp{}).IsZero() || at(0, 1).IsZero() || at(1, 0).IsZero() {
		t.Error("IsZero")
	}
	if got := at(3, 7).String(); got != "0+3@07000000" {
		t.Error(got)
	}
}

func BenchmarkSum(b *testing.B) {
	p := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		testKey.Sum(p)
	}
}
