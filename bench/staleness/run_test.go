package staleness

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/bench/verb"
	"github.com/grapevine-go/grapevine/quorum"
	"github.com/grapevine-go/grapevine/quorum/pbs"
)

// TestRun: a row for each choice, in the table and in the file, with what was
// published beside.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "staleness.json")
	var out strings.Builder
	if err := Run([]string{"-trials", "2000", "-json", path}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "(1364)") || !strings.Contains(out.String(), "(0.439)") {
		t.Errorf("nothing published in\n%s", &out)
	}
	rows, err := verb.ReadJSON[row](path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.N != 3 || r.Trials != 2000 || r.Read <= 0 || r.Write <= 0 || r.Fresh == 1 && r.Visible != 0 || r.R+r.W > 3 && r.Fresh != 1 {
			t.Errorf("%+v", r)
		}
	}
	if len(rows) != 4*3*3 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestOneRow(t *testing.T) {
	var out strings.Builder
	if err := Run([]string{"-distribution", "wan", "-n", "5", "-r", "2", "-w", "1", "-trials", "100"}, &out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 4 {
		t.Errorf("%d lines:\n%s", lines, &out)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-distribution", "none"}, {"-n", "0"}, {"-n", "-1"}, {"-r", "4"}, {"-w", "-1"}, {"-trials", "0"}, {"extra"},
	} {
		if err := Run(append([]string{"-trials", "10"}, args...), io.Discard); !errors.Is(err, verb.ErrUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// TestPublished compares with table 4 and the text of section 5.6, as closely as
// a twentieth of the paper's trials can: the verb draws all.
func TestPublished(t *testing.T) {
	for _, f := range published() {
		p, err := pbs.Predict(f.model, quorum.NWR{N: 3, W: quorum.Level(f.w), R: quorum.Level(f.r)}, 50_000, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		near := func(what string, got time.Duration, want, within float64) {
			if d := float64(got)/1e6 - want; math.Abs(d) > within*want {
				t.Errorf("%s R=%d W=%d: %s %.2f ms, published %v", f.name, f.r, f.w, what, float64(got)/1e6, want)
			}
		}
		near("read", p.Read(.999), f.read, .25)
		near("write", p.Write(.999), f.write, .25)
		near("visible", p.Visible(.999), f.visible, .25)
		if got := p.Fresh(0); f.fresh > 0 && math.Abs(got-f.fresh) > .01 {
			t.Errorf("%s R=%d W=%d: %.3f fresh at once, published %.3f", f.name, f.r, f.w, got, f.fresh)
		}
	}
}
