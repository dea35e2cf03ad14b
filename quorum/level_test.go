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
		{NWR{}, []string{"N is 0, not 1 to 16", "W is 0, not 1 to 1 or a named level", "R is 0, not 1 to 1"}},
		{NWR{17, 2, 2}, []string{"N is 17"}},
		{NWR{3, 4, 0}, []string{"W is 4, not 1 to 3", "R is 0, not 1 to 3"}},
		{NWR{-1, -7, -8}, []string{"N is -1", "W is -7", "R is -8"}},
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
				if meets(n, w, r) != (NWR{n, Level(w), Level(r)}).Fresh() {
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
	any := rapid.Map(rapid.IntRange(-6, 18), func(l int) Level { return Level(l) })
	rapid.Check(t, func(t *rapid.T) {
		table := NWR{N: rapid.IntRange(1, MaxN).Draw(t, "N"), W: any.Draw(t, "W"), R: any.Draw(t, "R")}
		if table.Validate() != nil {
			return
		}
		w, r := any.Draw(t, "w"), any.Draw(t, "r")
		c, err := table.Resolve([]Option{W(w), R(r)})
		valid := NWR{N: table.N, W: w, R: r}.Validate() == nil && w.Least(table.N) >= table.LeastW()
		if (err == nil) != valid {
			t.Fatalf("%v with W=%v R=%v: %+v, %v", table, w, r, c, err)
		}
		if err == nil && (c.W.Least(table.N) != w.Least(table.N) || c.R.Least(table.N) != r.Least(table.N) || c.W < 0 && !c.W.local() || c.R < 0 && !c.R.local()) {
			t.Fatalf("%v with W=%v R=%v: %+v", table, w, r, c)
		}
	})
}

// TestNamedLevels: what the names stand for.
func TestNamedLevels(t *testing.T) {
	for _, tc := range []struct {
		l                 Level
		one, three, eight Level // of so many owners
		text              string
	}{
		{One, 1, 1, 1, "1"}, {Quorum, 1, 2, 5, "quorum"}, {All, 1, 3, 8, "all"},
		{LocalOne, LocalOne, LocalOne, LocalOne, "local one"}, {LocalQuorum, LocalQuorum, LocalQuorum, LocalQuorum, "local quorum"}, {7, 7, 7, 7, "7"},
	} {
		if tc.l.of(1) != tc.one || tc.l.of(3) != tc.three || tc.l.of(8) != tc.eight || tc.l.String() != tc.text {
			t.Errorf("%v: %v of 1, %v of 3, %v of 8", tc.l, tc.l.of(1), tc.l.of(3), tc.l.of(8))
		}
	}
	for q, fresh := range map[NWR]bool{
		{3, Quorum, Quorum}: true, {3, All, One}: true, {3, One, Quorum}: false, {3, LocalQuorum, LocalQuorum}: false, {3, All, LocalOne}: true,
	} {
		if q.Validate() != nil || q.Fresh() != fresh {
			t.Errorf("%v: %v, fresh %t", q, q.Validate(), q.Fresh())
		}
	}
	for _, q := range []NWR{{3, -5, 2}, {3, 2, -9}, {0, Quorum, Quorum}} {
		if err := q.Validate(); !errors.Is(err, ErrLevel) {
			t.Errorf("%v: %v", q, err)
		}
	}
	if _, err := (NWR{3, 2, 2}).Resolve([]Option{Zones(4)}); !errors.Is(err, ErrLevel) {
		t.Errorf("more zones than owners: %v", err)
	}
	if _, err := (NWR{3, LocalOne, 2}).Resolve([]Option{Zones(2)}); !errors.Is(err, ErrLevel) {
		t.Errorf("several zones of one: %v", err)
	}
	if _, err := (NWR{3, 2, 2}).Resolve([]Option{Repair(RepairOff + 1)}); !errors.Is(err, ErrLevel) {
		t.Errorf("a mode of repair that there is not: %v", err)
	}
	if _, err := (NWR{3, 2, 2}).Resolve([]Option{W(LocalOne)}); !errors.Is(err, ErrLevel) {
		t.Errorf("fewer than the table's W: %v", err)
	}
}

// TestResolveAllocatesNothing: most calls have no options.
func TestResolveAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _, _ = (NWR{3, Quorum, 2}).Resolve(nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
