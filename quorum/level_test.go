package quorum

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		nwr     NWR
		problem []string // each is told, all at once
	}{
		{NWR{3, 2, 2}, nil},
		{NWR{1, 1, 1}, nil},
		{NWR{16, 16, 16}, nil},
		{NWR{3, 1, 1}, nil}, // reads may be stale, which is allowed
		{NWR{}, []string{"N is 0, not 1 to 16", "W is 0, not 1 to 1", "R is 0, not 1 to 1"}},
		{NWR{17, 2, 2}, []string{"N is 17"}},
		{NWR{3, 4, 0}, []string{"W is 4, not 1 to 3", "R is 0, not 1 to 3"}},
		{NWR{-1, -1, -1}, []string{"N is -1", "W is -1", "R is -1"}},
	} {
		err := tc.nwr.Validate()
		if (err == nil) != (tc.problem == nil) || err != nil && !errors.Is(err, ErrLevel) {
			t.Errorf("%v: %v", tc.nwr, err)
			continue
		}
		for _, p := range tc.problem {
			if !strings.Contains(err.Error(), p) {
				t.Errorf("%v: %q does not say %q", tc.nwr, err, p)
			}
		}
	}
	if got := (NWR{3, 2, 1}).String(); got != "N=3 W=2 R=1" {
		t.Error(got)
	}
}

// TestFresh: every read quorum meets every write quorum exactly where Fresh
// says so, tried over all quorums.
func TestFresh(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for w := 1; w <= n; w++ {
			for r := 1; r <= n; r++ {
				if meets(n, w, r) != (NWR{n, w, r}).Fresh() {
					t.Errorf("N=%d W=%d R=%d: meets is %t", n, w, r, meets(n, w, r))
				}
			}
		}
	}
}

// meets tries all sets of w and of r owners.
func meets(n, w, r int) bool {
	size := func(set int) (k int) {
		for i := range n {
			k += set >> i & 1
		}
		return k
	}
	for a := range 1 << n {
		for b := range 1 << n {
			if size(a) == w && size(b) == r && a&b == 0 {
				return false
			}
		}
	}
	return true
}

func TestResolve(t *testing.T) {
	table := NWR{N: 3, W: 2, R: 2}
	at := time.UnixMilli(5)
	for _, tc := range []struct {
		name string
		opts []Option
		want Call
		err  string
	}{
		{"nothing", nil, Call{W: 2, R: 2}, ""},
		{"more of both", []Option{W(3), R(3)}, Call{W: 3, R: 3}, ""},
		{"the last counts", []Option{R(3), R(1)}, Call{W: 2, R: 1}, ""},
		{"expiry", []Option{ExpireAt(at)}, Call{W: 2, R: 2, ExpiresAt: at}, ""},
		{"fewer than the table's W", []Option{W(1)}, Call{}, "W=1 for this call; the table (N=3 W=2 R=2) allows 2 to 3"},
		{"more than N", []Option{W(4)}, Call{}, "W=4 for this call"},
		{"no answers", []Option{R(0)}, Call{}, "R=0 for this call; the table (N=3 W=2 R=2) allows 1 to 3"},
		{"more answers than N", []Option{R(4)}, Call{}, "R=4 for this call"},
	} {
		got, err := table.Resolve(tc.opts)
		if tc.err != "" {
			if !errors.Is(err, ErrLevel) || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v", tc.name, got, err)
		}
	}
}

// TestResolveAgreesWithValidate: what a call may ask for is a valid level.
func TestResolveAgreesWithValidate(t *testing.T) {
	small := rapid.IntRange(-1, 18)
	rapid.Check(t, func(t *rapid.T) {
		table := NWR{N: rapid.IntRange(1, MaxN).Draw(t, "N")}
		table.W, table.R = rapid.IntRange(1, table.N).Draw(t, "W"), rapid.IntRange(1, table.N).Draw(t, "R")
		w, r := small.Draw(t, "w"), small.Draw(t, "r")
		c, err := table.Resolve([]Option{W(w), R(r)})
		valid := NWR{N: table.N, W: w, R: r}.Validate() == nil && w >= table.W
		if (err == nil) != valid || err == nil && (c.W != w || c.R != r) {
			t.Fatalf("%v with W=%d R=%d: %+v, %v", table, w, r, c, err)
		}
	})
}
