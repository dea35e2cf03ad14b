package crdt

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/bench/verb"
)

// TestTopologies: links go both ways, and there are as many as in the paper.
func TestTopologies(t *testing.T) {
	edges := map[string]int{"tree": 14, "mesh": 30}
	for _, top := range topologies {
		if top.edges() != edges[top.name] {
			t.Errorf("%s has %d links", top.name, top.edges())
		}
		for from, links := range top.links {
			for _, to := range links {
				back := false
				for _, l := range top.links[to] {
					back = back || l == from
				}
				if !back || to == from {
					t.Errorf("%s: from %d to %d, but not back", top.name, from, to)
				}
			}
		}
	}
}

// TestClosedForms: what is sent with redundancy removed is exactly what the
// closed forms say, for any phases; without, it is within 3 % of what was
// published. The larger workloads are left to the command.
func TestClosedForms(t *testing.T) {
	out, progress := new(bytes.Buffer), new(strings.Builder)
	rows := measureAll(out, progress, regexp.MustCompile(`GCounter|GSet tree delta BP|GSet .*RR|GMap 10 % .*BP.RR`), 1)
	if len(rows) < 15 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, r := range rows {
		switch {
		case r.Closed > 0 && r.Units != float64(r.Closed):
			t.Errorf("%s %s %s: %v units, exactly %d expected", r.Type, r.Topology, r.Algorithm, r.Units, r.Closed)
		case r.Closed == 0 && r.Published > 0 && math.Abs(r.Deviation) > 3:
			t.Errorf("%s %s %s: %v units, %d published", r.Type, r.Topology, r.Algorithm, r.Units, r.Published)
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != len(rows)+4 {
		t.Errorf("%d lines for %d rows:\n%s", lines, len(rows), out)
	}
	if lines := strings.Count(progress.String(), "\n"); lines != len(rows) {
		t.Errorf("%d lines of progress for %d rows", lines, len(rows))
	}
}

// TestDeterministic: a seed gives the same run again, and another seed another.
func TestDeterministic(t *testing.T) {
	classic := algorithms[0]
	a, b, c := transmitted(topologies[1], classic, gcounter, 7), transmitted(topologies[1], classic, gcounter, 7), transmitted(topologies[1], classic, gcounter, 8)
	if a != b || a == c {
		t.Errorf("seed 7: %d and %d, seed 8: %d", a, b, c)
	}
}

func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.json")
	if err := Run([]string{"-only", "GCounter tree delta RR", "-seeds", "2", "-json", path}, io.Discard); err != nil {
		t.Fatal(err)
	}
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r row
	if err := json.Unmarshal(p, &r); err != nil || r.Units != 42000 || r.Seeds != 2 || r.Type != "GCounter" {
		t.Errorf("%s: %v", p, err)
	}
	for _, args := range [][]string{{"-seeds", "0"}, {"-only", "("}, {"x"}, {"-none"}} {
		if err := Run(args, io.Discard); !errors.Is(err, verb.ErrUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := Run([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
}
