package heal

import (
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/bench/verb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A small cut heals, for less than three bytes for each that differs.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heal.json")
	var out strings.Builder
	if err := Run([]string{"-keys", "2000", "-cut", "1s", "-writes", "400", "-load", "50", "-value", "1000", "-json", path}, &out); err != nil {
		t.Fatal(err)
	}
	rows, err := verb.ReadJSON[Row](path)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%v, %d rows", err, len(rows))
	}
	r := rows[0]
	// The end of the cut breaks connections: what each caller has under way then may fail.
	if r.Differ < 100 || r.Bytes < 1000*r.Differ || r.Moved < r.Bytes || r.Ratio > 3 || r.Errors > callers || r.Healed <= 0 || r.P99 < r.P50 || r.P50Before <= 0 {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(out.String(), "equal again after") {
		t.Error(out.String())
	}
}
