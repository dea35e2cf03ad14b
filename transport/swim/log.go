package swim

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// logWriter takes memberlist's lines, "[LEVEL] memberlist: text", to slog. What
// a stranger can cause becomes a warning that says why, and is limited in rate;
// what no operator can act on goes to the level of debugging.
type logWriter struct {
	log     *slog.Logger
	closing context.Context // once done, what fails is expected to
	refused refusals
}

// Write takes one line; it never fails.
func (w *logWriter) Write(line []byte) (int, error) {
	level, text := parseLine(line)
	switch from, reason, ok := parseRefusal(text); {
	case w.closing.Err() != nil:
		w.log.Debug(text, "component", "memberlist")
	case ok:
		w.refused.warn(w.log, "swim: refused a peer; likely another cluster name or key", from, reason)
	case strings.Contains(text, errMeta.Error()):
		w.refused.warn(w.log, "swim: ignored a member", "", text)
	case chatter(level, text):
		w.log.Debug(text, "component", "memberlist")
	default:
		w.log.Log(w.closing, level, text, "component", "memberlist")
	}
	return len(line), nil
}

// chatter reports whether a line tells nothing that an operator can act on: the
// course of a suspicion, whose end is an event; a member that restarted under
// its address, or whose metadata changed; a member that does not answer, which
// is what probes are for.
func chatter(level slog.Level, text string) bool {
	switch {
	case level <= slog.LevelInfo:
		return true
	case strings.HasPrefix(text, "Got ping for unexpected node"), strings.HasPrefix(text, "Refuting an alive message"):
		return true
	}
	return level == slog.LevelError && containsAny(text, "connection refused", "connection reset", "broken pipe", "i/o timeout", "EOF")
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
}

// parseLine takes a line apart. A few of memberlist's lines carry no level, one
// begins with "Err:".
func parseLine(line []byte) (slog.Level, string) {
	text := string(bytes.TrimSpace(line))
	level := slog.LevelInfo
	if strings.HasPrefix(text, "Err: ") {
		level = slog.LevelError
	}
	if tag, rest, ok := strings.Cut(text, "] "); ok && strings.HasPrefix(tag, "[") {
		switch tag[1:] {
		case "DEBUG":
			level, text = slog.LevelDebug, rest
		case "INFO":
			level, text = slog.LevelInfo, rest
		case "WARN":
			level, text = slog.LevelWarn, rest
		case "ERR", "ERROR":
			level, text = slog.LevelError, rest
		}
	}
	return level, strings.TrimPrefix(text, "memberlist: ")
}

// refusalSigns are the parts of memberlist's lines and errors by which a peer
// of another cluster, or with another key, is known.
var refusalSigns = []string{
	"unacceptable label",
	"double packet label", "double stream label",
	"no installed keys could decrypt",
	"encryption is configured but remote state is not encrypted",
	"remote state is encrypted and encryption is not configured",
	"unsupported encryption version", "payload is too small to decrypt",
	"Failed to decode indirect ping request", // what a sealed packet looks like to a node without keys
	"label header", "cannot decode label",
}

// parseRefusal reports whether a line tells of a refused peer, which and why.
func parseRefusal(text string) (from, reason string, ok bool) {
	if !containsAny(text, refusalSigns...) {
		return "", "", false
	}
	reason, from, _ = strings.Cut(text, "from=")
	return strings.TrimSpace(from), strings.TrimRight(reason, " :"), true
}

// Warnings about refused peers: at most refusalBurst per refusalWindow.
const (
	refusalBurst  = 10
	refusalWindow = time.Minute
)

// refusals limits the rate of warnings: a stranger must not fill the log.
type refusals struct {
	mu      sync.Mutex
	start   time.Time // of the window
	said    int       // in the window
	skipped uint64    // since the last warning
	total   uint64
}

// warn logs the refusal, or counts it.
func (r *refusals) warn(log *slog.Logger, msg, from, reason string) {
	r.mu.Lock()
	r.total++
	if now := time.Now(); now.Sub(r.start) >= refusalWindow {
		r.start, r.said = now, 0
	}
	if r.said++; r.said > refusalBurst {
		r.skipped++
		r.mu.Unlock()
		return
	}
	skipped := r.skipped
	r.skipped = 0
	r.mu.Unlock()
	log.Warn(msg, "peer", from, "reason", reason, "skipped", skipped)
}

func (r *refusals) count() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}
