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
	_, _ = w.Write([]byte("[ERR] memberlist: Failed to send gossip to a: operation not permitted\n"))
	_, _ = w.Write([]byte("[ERR] memberlist: discarding packet with unacceptable label \"x\": from=10.0.0.1:5\n"))
	_, _ = w.Write([]byte("[WARN] memberlist: ignoring alive message for 'x': swim: malformed metadata: y\n"))
	cancel()
	_, _ = w.Write([]byte("[ERR] memberlist: use of closed network connection\n"))
	for _, parts := range [][]string{
		{"level=ERROR", "Failed to send gossip to a", "component=memberlist"},
		{"level=WARN", "refused a peer", "peer=10.0.0.1:5", "unacceptable label", "another cluster name or key"},
		{"level=WARN", "ignored a member", "malformed metadata: y"},
		{"level=DEBUG", "use of closed"},
	} {
		if !log.has(parts...) {
			t.Errorf("no line %v in:\n%s", parts, log.buf.String())
		}
	}
}

// At the levels that operators read there is only what they can act on.
func TestChatter(t *testing.T) {
	for line, want := range map[string]string{
		"[INFO] memberlist: Suspect a~1 has failed, no acks received":                                                "DEBUG",
		"[INFO] memberlist: Marking a~1 as failed, suspect timeout reached (1 peer confirmations)":                   "DEBUG",
		"[WARN] memberlist: Got ping for unexpected node 'a~1' from=127.0.0.1:5":                                     "DEBUG",
		"[WARN] memberlist: Refuting an alive message for 'a~1' (127.0.0.1:5) meta:([] VS [1])":                      "DEBUG",
		"[ERR] memberlist: Push/Pull with a~1 failed: dial tcp 127.0.0.1:5: connect: connection refused":             "DEBUG",
		"[ERR] memberlist: Failed fallback TCP ping: write tcp 127.0.0.1:5: i/o timeout":                             "DEBUG",
		"[ERR] memberlist: failed to receive: EOF from=127.0.0.1:5":                                                  "DEBUG",
		"[WARN] memberlist: Refuting a suspect message (from: a~1)":                                                  "WARN",
		"[WARN] memberlist: Was able to connect to a~1 over TCP but UDP probes failed, network may be misconfigured": "WARN",
		"[WARN] memberlist: handler queue full, dropping message (4) from=127.0.0.1:5":                               "WARN",
		"[ERR] memberlist: Failed to send gossip to 127.0.0.1:5: sendto: operation not permitted":                    "ERROR",
		"[ERR] memberlist: Push/Pull with a~1 failed: remote error: too many pending push/pull requests":             "ERROR",
	} {
		var log logged
		_, _ = (&logWriter{log: log.logger(), closing: t.Context()}).Write([]byte(line + "\n"))
		if !log.has("level=" + want) {
			t.Errorf("%s is logged as %s", line, log.buf.String())
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
