package ring

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A small run of everything: each row has the figures that it can have, and
// they are possible.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring.json")
	var out, progress strings.Builder
	if err := run([]string{"-members", "8", "-tokens", "16", "-partitions", "256", "-time", "1ms", "-json", path}, &out, &progress); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := 0
	for dec := json.NewDecoder(f); ; names++ {
		var r row
		if err := dec.Decode(&r); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		checkRow(t, r)
		if !strings.Contains(out.String(), r.Name) {
			t.Errorf("%s is not in the table", r.Name)
		}
		if line := fmt.Sprintf(": %s\n", r.Name); !strings.Contains(progress.String(), line) || strings.Contains(out.String(), line) {
			t.Errorf("the progress of %s is not told, or among the results:\n%s", r.Name, progress.String())
		}
	}
	if want := len(contenders(setting{})); names != want {
		t.Errorf("%d rows, want %d", names, want)
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
