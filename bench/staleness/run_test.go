package staleness

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/bench/verb"
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
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for dec := json.NewDecoder(f); ; n++ {
		var r row
		if err := dec.Decode(&r); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if r.N != 3 || r.Trials != 2000 || r.Read <= 0 || r.Write <= 0 || (r.Fresh == 1) != (r.Visible == 0 && r.Fresh == 1) || r.R+r.W > 3 && r.Fresh != 1 {
			t.Errorf("%+v", r)
		}
	}
	if n != 4*3*3 {
		t.Errorf("%d rows", n)
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
