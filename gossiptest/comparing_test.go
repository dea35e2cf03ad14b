package gossiptest

import (
	"errors"
	"reflect"
	"testing"

	"github.com/grapevine-go/grapevine/rumor"
)

// TestComparing: every site is reached, a seed gives one course, a limit bounds
// what is accepted, and distances keep comparisons near.
func TestComparing(t *testing.T) {
	run := func(c Comparing, seed uint64) Compared {
		t.Helper()
		r, err := c.Run(seed)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	all := Comparing{Sites: 100, Mode: rumor.PushPull}
	if a, b := run(all, 1), run(all, 1); !reflect.DeepEqual(a, b) || a.Hash == run(all, 2).Hash {
		t.Error("a seed does not decide the course")
	}
	limited := all
	limited.Limit = 1
	if r := run(limited, 1); r.Comparisons > .8 || r.Comparisons < .5 { // 1-1/e
		t.Errorf("limited: %.2f comparisons a site and cycle", r.Comparisons)
	}
	limited.Hunt = 100
	if r := run(limited, 1); r.Comparisons < .99 {
		t.Errorf("hunting: %.2f comparisons a site and cycle", r.Comparisons)
	}
	line := Comparing{Sites: 100, Mode: rumor.PushPull, Line: true, Spread: 2}
	if near, any := run(line, 1), run(all, 1); near.Last < 1.3*any.Last {
		t.Errorf("by distance %v cycles, uniform %v", near.Last, any.Last)
	}
	for _, mode := range []rumor.Mode{rumor.Push, rumor.Pull, rumor.PushPull} {
		r := run(Comparing{Sites: 50, Mode: mode}, 3)
		if r.Sent < .98 || r.Left[len(r.Left)-1] != 0 || r.Average > r.Last {
			t.Errorf("%v: %+v", mode, r)
		}
	}
}

func TestComparingValidate(t *testing.T) {
	for _, c := range []Comparing{
		{}, {Sites: 1, Mode: rumor.Push}, {Sites: MaxComparing + 1, Mode: rumor.Push}, {Sites: 9}, {Sites: 9, Mode: rumor.Push, Limit: -1},
		{Sites: 9, Mode: rumor.Push, Hunt: 1}, {Sites: 9, Mode: rumor.Push, Spread: 1}, {Sites: 9, Mode: rumor.Push, Line: true, Spread: 5},
	} {
		if _, err := c.Run(1); !errors.Is(err, ErrComparing) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
