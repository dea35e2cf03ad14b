package reconcile

import (
	"encoding/xml"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/bench/verb"
)

// A small run of everything finds what differs, and says what it took.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reconcile.json")
	var out strings.Builder
	drawn := filepath.Join(t.TempDir(), "reconcile.svg")
	if err := Run([]string{"-keys", "2000", "-runs", "2", "-json", path, "-svg", drawn}, &out); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(drawn)
	if err != nil || xml.Unmarshal(svg, new(any)) != nil {
		t.Errorf("%v, drawing of %d bytes", err, len(svg))
	}
	for _, l := range drawing([]row{{Strategy: "hybrid", Diff: 1, Bytes: 1}}).Lines {
		if !strings.Contains(html.UnescapeString(string(svg)), l.Name) {
			t.Errorf("no line %q in the drawing", l.Name)
		}
	}
	rows, err := verb.ReadJSON[row](path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Keys != 2000 || r.Found != float64(r.Diff) || r.Sent < 36 || r.RoundTrips < 1 {
			t.Errorf("%+v", r)
		}
		if coded := r.Strategy == "rateless" && r.Diff > 0 && r.Diff < 1000; coded && (r.Symbols < 1 || r.Symbols > 20) {
			t.Errorf("%.2f symbols a difference: %+v", r.Symbols, r)
		}
		if !strings.Contains(out.String(), r.Strategy) {
			t.Errorf("%s is not in the table", r.Strategy)
		}
	}
	if len(rows) != 6*5 {
		t.Errorf("%d rows", len(rows))
	}
}
