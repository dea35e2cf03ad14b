package ring

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/bench/verb"
)

// A small run of everything: each row has the figures that it can have, and
// they are possible.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring.json")
	var out, progress strings.Builder
	if err := run([]string{"-members", "8", "-tokens", "16", "-partitions", "256", "-time", "1ms", "-json", path}, &out, &progress); err != nil {
		t.Fatal(err)
	}
	rows, err := verb.ReadJSON[row](path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		checkRow(t, r)
		if !strings.Contains(out.String(), r.Name) {
			t.Errorf("%s is not in the table", r.Name)
		}
		if line := fmt.Sprintf(": %s\n", r.Name); !strings.Contains(progress.String(), line) || strings.Contains(out.String(), line) {
			t.Errorf("the progress of %s is not told, or among the results:\n%s", r.Name, progress.String())
		}
	}
	if want := len(contenders(setting{})); len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
}

func checkRow(t *testing.T, r row) {
	if r.Members != 8 || r.Tokens != 16 || r.Partitions != 256 {
		t.Errorf("%s: setting %+v", r.Name, r.setting)
	}
	if r.Busiest != nil && (*r.Busiest < 1 || *r.Busiest > 8) {
		t.Errorf("%s: busiest/mean %v", r.Name, *r.Busiest)
	}
	for _, moves := range []*float64{r.Join, r.Leave} {
		if moves != nil && (*moves < 0.1 || *moves > 10 || math.IsNaN(*moves)) {
			t.Errorf("%s: moves %v times the least", r.Name, *moves)
		}
	}
	if r.Failed != "" && r.Name != "buraksezer/consistent" {
		t.Errorf("%s: %s", r.Name, r.Failed)
	}
	if r.Name == "grapevine" && (*r.PrimaryAllocs != 0 || *r.OwnersAllocs != 0 || *r.Busiest > 1.10 || *r.Join > 1.3) {
		t.Errorf("grapevine: %v", r)
	}
	if strings.HasPrefix(r.Name, "table by") != (r.PrimaryNS == nil) {
		t.Errorf("%s: look-up %v", r.Name, r.PrimaryNS)
	}
}
