package swim

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseLine(t *testing.T) {
	for line, want := range map[string]string{
		"[DEBUG] memberlist: x: y\n":                "DEBUG x: y",
		"[INFO] memberlist: Suspect a has failed\n": "INFO Suspect a has failed",
		"[WARN] memberlist: [odd] text\n":           "WARN [odd] text",
		"[ERR] memberlist: no\n":                    "ERROR no",
		"[ERROR] memberlist: no\n":                  "ERROR no",
		"[ERR] Failed to shutdown transport: x\n":   "ERROR Failed to shutdown transport: x",
		"Err: Could not set the deadline: x\n":      "ERROR Err: Could not set the deadline: x",
		"memberlist: no level\n":                    "INFO no level",
		"[NEW] memberlist: unknown level\n":         "INFO [NEW] memberlist: unknown level",
		"":                                          "INFO ",
		"[DEBUG":                                    "INFO [DEBUG",
	} {
		level, text := parseLine([]byte(line))
		if got := fmt.Sprint(level, " ", text); got != want {
			t.Errorf("%q gives %q, want %q", line, got, want)
		}
	}
}

// Lines go on with their level; what a stranger causes becomes a warning.
func TestLogWriter(t *testing.T) {
	var log logged
	closing, cancel := context.WithCancel(t.Context())
	w := &logWriter{log: log.logger(), closing: closing}
	_, _ = w.Write([]byte("[ERR] memberlist: Push/Pull with a failed: EOF\n"))
	_, _ = w.Write([]byte("[ERR] memberlist: discarding packet with unacceptable label \"x\": from=10.0.0.1:5\n"))
	_, _ = w.Write([]byte("[WARN] memberlist: ignoring alive message for 'x': swim: malformed metadata: y\n"))
	cancel()
	_, _ = w.Write([]byte("[ERR] memberlist: use of closed network connection\n"))
	for _, parts := range [][]string{
		{"level=ERROR", "Push/Pull with a failed: EOF", "component=memberlist"},
		{"level=WARN", "refused a peer", "peer=10.0.0.1:5", "unacceptable label", "another cluster name or key"},
		{"level=WARN", "ignored a member", "malformed metadata: y"},
		{"level=DEBUG", "use of closed"},
	} {
		if !log.has(parts...) {
			t.Errorf("no line %v in:\n%s", parts, log.buf.String())
		}
	}
}

// A stranger who knocks all the time fills neither the log nor hides from it.
func TestRefusalsAreRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		lines := 0
		counting := slog.New(countHandler{log.logger().Handler(), &lines})
		var r refusals
		for range 1000 {
			r.warn(counting, "refused", "x", "y")
		}
		if lines != refusalBurst {
			t.Errorf("%d lines", lines)
		}
		time.Sleep(refusalWindow) // virtual
		r.warn(counting, "refused", "x", "y")
		if lines != refusalBurst+1 || !log.has(fmt.Sprintf("skipped=%d", 1000-refusalBurst)) || r.count() != 1001 {
			t.Error(lines, r.count(), log.buf.String())
		}
	})
}

type countHandler struct {
	slog.Handler
	n *int
}

func (h countHandler) Handle(ctx context.Context, r slog.Record) error {
	*h.n++
	return h.Handler.Handle(ctx, r)
}
