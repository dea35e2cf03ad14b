package convergence

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/bench/verb"
)

// rowsOf runs the verb and reads the rows it wrote, as names and values.
func rowsOf(t *testing.T, args ...string) (rows []map[string]any, out string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.json")
	var b strings.Builder
	if err := Run(append(args, "-json", path), &b); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(bytes.NewReader(content)); ; {
		var r map[string]any
		if err := dec.Decode(&r); err == io.EOF {
			return rows, b.String()
		} else if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
}

func TestSingleRow(t *testing.T) {
	rows, _ := rowsOf(t, strings.Fields("-n 1000 -mode push -feedback -stop counter -k 2 -runs 100")...)
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	for name, want := range map[string]float64{"residue": 0.037, "traffic": 3.3, "t_last": 16.9, "runs": 100, "seed": 1, "n": 1000} {
		if got := rows[0][name].(float64); math.Abs(got/want-1) > 0.06 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range strings.Fields("t_ave t50 t99 t999 t100 messages_per_node bytes_per_node duplicates_per_node last_hop") {
		if _, ok := rows[0][name]; !ok {
			t.Errorf("there is no %s", name)
		}
	}
	again, _ := rowsOf(t, strings.Fields("-n 1000 -mode push -feedback -stop counter -k 2 -runs 100")...)
	if again[0]["residue"] != rows[0]["residue"] || again[0]["t_ave"] != rows[0]["t_ave"] {
		t.Error("the same seeds gave other figures")
	}
}

// The goals of the default policy, beside memberlist's rule in one world: at
// 5 % loss, at 20 % loss, and with 10 % dead that nobody noticed.
func TestGoals(t *testing.T) {
	for _, c := range []struct {
		args                      string
		time, copies, control, ok float64
	}{
		{"-loss 0.05", 0.85, 0.30, 1, 0.99},
		{"-loss 0.2", 1, 0.45, math.Inf(1), 0.98},
		{"-loss 0.05 -dead 0.1", 1, 0.45, math.Inf(1), 0.98},
	} {
		rows, out := rowsOf(t, strings.Fields("-compare -n 1024 -runs 60 "+c.args)...)
		if len(rows) != 2 || rows[0]["policy"] != "default" || rows[1]["policy"] != "memberlist" {
			t.Fatalf("%v", rows)
		}
		value := func(row int, name string) float64 { v, _ := rows[row][name].(float64); return v }
		if value(0, "t999") == 0 || value(0, "t999") > c.time*value(1, "t999") || value(0, "copies_per_node") > c.copies*value(1, "copies_per_node") ||
			value(0, "control_per_node") > c.control || value(0, "ok") < c.ok {
			t.Errorf("%s: a goal is missed:\n%s", c.args, out)
		}
	}
}

// Real nodes tell each other everything, for fewer copies than memberlist's.
func TestLive(t *testing.T) {
	rows, out := rowsOf(t, strings.Fields("-live -n 5 -loss 0.1 -runs 10 -settle 1s")...)
	if len(rows) != 2 || rows[0]["system"] != "grapevine" || rows[1]["system"] != "memberlist" {
		t.Fatalf("%v", rows)
	}
	for _, r := range rows {
		if r["updates"] != 10.0 || r["copies_per_node"].(float64) < 1 || r["idle_goroutines_per_node"].(float64) < 1 {
			t.Errorf("%v", r)
		}
	}
	if rows[0]["missed"] != 0.0 || rows[0]["t100"] == nil {
		t.Errorf("updates were missed:\n%s", out)
	}
}

func TestFilesAndErrors(t *testing.T) {
	dir := t.TempDir()
	csv, svg, png, json := filepath.Join(dir, "a.csv"), filepath.Join(dir, "a.svg"), filepath.Join(dir, "a.png"), filepath.Join(dir, "a.json")
	if err := Run([]string{"-compare", "-n", "64", "-runs", "3", "-csv", csv, "-svg", svg, "-json", json}, io.Discard); err != nil {
		t.Fatal(err)
	}
	rows, _ := rowsOf(t, "-from", json, "-n", "64", "-png", png) // what was saved is drawn again
	if none, _ := rowsOf(t, "-from", json, "-n", "65"); len(none) != 0 {
		t.Errorf("%d rows of another world", len(none))
	}
	for _, f := range []struct{ path, want string }{{csv, "memberlist"}, {svg, "memberlist</text>"}, {csv, "copies_per_node"}, {png, "PNG"}} {
		if b, err := os.ReadFile(f.path); err != nil || !strings.Contains(string(b), f.want) {
			t.Errorf("%s lacks %q: %v", f.path, f.want, err)
		}
	}
	if len(rows) != 2 {
		t.Errorf("%d rows", len(rows))
	}
	for _, bad := range []string{"-n 1", "-mode pish", "-runs -1", "-quick -n 3", "-loss 1.5", "-k 0", "-hunt 3", "-interval -1s"} {
		if err := Run(strings.Fields(bad), io.Discard); !errors.Is(err, verb.ErrUsage) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Anti-entropy in cycles gives the published figures, the laws of its tail, and
// with hunting without a limit a permutation in each cycle; flags of rumors are refused.
func TestAntiEntropy(t *testing.T) {
	rows, _ := rowsOf(t, "-anti-entropy", "-runs", "40")
	for i, want := range []struct{ last, mean float64 }{{7.8, 5.3}, {11, 7}} {
		if r := rows[i]; math.Abs(r["t_last"].(float64)/want.last-1) > .05 || math.Abs(r["t_ave"].(float64)/want.mean-1) > .05 {
			t.Errorf("%v: t_last %v, t_ave %v", r["policy"], r["t_last"], r["t_ave"])
		}
	}
	if push := rows[len(rows)-1]; math.Abs(push["t_last"].(float64)/pushLength(1000)-1) > .05 {
		t.Errorf("a push to all took %v", push["t_last"])
	}
	for n, constant := range map[float64]float64{1000: 1.17, 1e6: 1.18, 1e7: 1.18} {
		if c := pushLength(n) - math.Log2(n) - math.Log(n); math.Abs(c-constant) > .006 {
			t.Errorf("%v sites: log2 n + ln n + %v", n, c)
		}
	}
	rows, _ = rowsOf(t, strings.Fields("-anti-entropy -n 300 -mode push -connection-limit 1 -hunt 300 -runs 20")...)
	if each := rows[0]["control_per_node"].(float64) / rows[0]["t_last"].(float64); each < .99 || each > 1 {
		t.Errorf("with hunting, %v comparisons a site and cycle", each)
	}
	if err := Run([]string{"-anti-entropy", "-loss", "0.1"}, io.Discard); !errors.Is(err, verb.ErrUsage) {
		t.Errorf("-loss with anti-entropy: %v", err)
	}
	if err := Run([]string{"-anti-entropy", "-n", "100000"}, io.Discard); !errors.Is(err, verb.ErrUsage) {
		t.Errorf("too many sites: %v", err)
	}
}
