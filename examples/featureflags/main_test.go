package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out strings.Builder
	if err := run(ctx, []string{"-nodes", "4", "-changes", "3"}, &out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "seen at all 4 nodes"); n != 3 {
		t.Errorf("%d of 3 changes:\n%s", n, &out)
	}
	for _, bad := range [][]string{{"-nodes", "0"}, {"-changes", "-1"}, {"-what"}} {
		if err := run(ctx, bad, &strings.Builder{}); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

// A flag is read locally: after a change at another node it is what the watch
// has told, and one that nobody set is off.
func TestFlags(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cluster, closeAll, err := start(ctx, 2)
	defer closeAll()
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster[0].Set(ctx, "new-checkout", true); err != nil {
		t.Fatal(err)
	}
	following, stop := context.WithCancel(ctx)
	cluster[1].Follow(following, func(name string, on bool) {
		if name == "new-checkout" && on {
			stop()
		}
	})
	if !cluster[1].On(ctx, "new-checkout") || cluster[1].On(ctx, "never-set") {
		t.Error("node 1 reads something else than it was told")
	}
}
