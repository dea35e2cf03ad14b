package quorum

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/grapevine-go/grapevine/bench/verb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunWritesARowForEachSetting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.json")
	var out strings.Builder
	if err := Run([]string{"-callers", "4", "-value", "100", "-reads", "50", "-keys", "50", "-seconds", "0.1", "-json", path}, &out); err != nil {
		t.Fatal(err)
	}
	rows, err := verb.ReadJSON[Row](path)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Bench != "ping-pong" || rows[1].Callers != 4 || rows[1].Reads != 50 {
		t.Fatalf("rows %+v", rows)
	}
	for _, r := range rows {
		if r.Ops == 0 || r.OpsPerS <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.CPU <= 0 || r.Errors != 0 {
			t.Errorf("row %+v", r)
		}
	}
	if !strings.Contains(out.String(), "ping-pong") {
		t.Errorf("printed %q", out.String())
	}
}

func TestOverloadIsToldSecondBySecond(t *testing.T) {
	all := []Second{
		{Phase: "peak", Good: 100, CPU: 5}, {Phase: "open", Good: 80, CPU: 8, Refused: 900, Offered: 1000}, {Phase: "open", Good: 70, CPU: 8},
		{Phase: "after open", At: 1, Offered: 50, Good: 40, Refused: 10}, {Phase: "after open", At: 2, Offered: 50, Good: 50},
	}
	if share, back := judge(all, "open", 100); share != 0.75 || back != 1 || perCPU(all, "open") != 5.0/8 {
		t.Errorf("× %v, × %v for the processor, back after %v s", share, perCPU(all, "open"), back)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-callers", "-1"}, {"-reads", "101"}, {"-keys", "0"}, {"-seconds", "0"}, {"-nodes", "2"}, {"-nonsense"}, {"extra"}} {
		if err := Run(args, io.Discard); !errors.Is(err, verb.ErrUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestWithoutFlagsEverySettingIsMeasured(t *testing.T) {
	if n := len(settings(0, 0, -1, 10)); n != 4*2*4 {
		t.Errorf("%d settings", n)
	}
	if s := settings(64, 100, 0, 10); len(s) != 1 || s[0] != (setting{callers: 64, value: 100, reads: 0, keys: 10}) {
		t.Errorf("%v", s)
	}
}
