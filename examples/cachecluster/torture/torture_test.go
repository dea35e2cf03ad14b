package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTorture is a short form of the command: one kill, fewer requests.
func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("starts five processes")
	}
	if _, err := exec.LookPath("redis-benchmark"); err != nil {
		t.Skip(errNoBenchmark)
	}
	var out bytes.Buffer
	err := run(t.Context(), plan{nodes: 5, kills: 1, requests: 3_000, clients: 16, checkers: 4, pause: 200 * time.Millisecond}, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if got := out.String(); !strings.Contains(got, "killed b (boot 1.") || !strings.Contains(got, "b is back (boot 2.") {
		t.Errorf("nothing was killed:\n%s", got)
	}
}

// The checker must catch what it is there for.
func TestHistoryCatches(t *testing.T) {
	h := &history{key: "k", pending: map[string]bool{}}
	ok := func(value string, found bool) {
		t.Helper()
		if err := h.check(value, found); err != nil {
			t.Error(err)
		}
	}
	wrong := func(value string, found bool) {
		t.Helper()
		if h.check(value, found) == nil {
			t.Errorf("%q, %v accepted", value, found)
		}
	}
	ok("", false)
	wrong("1", true) // nobody wrote it
	h.wrote("1", notApplied)
	wrong("1", true)
	h.wrote("2", unknown)
	ok("", false)
	ok("2", true)
	h.wrote("3", applied)
	ok("3", true)
	ok("2", true) // may still arrive
	wrong("", false)
	h.wrote("4", applied)
	ok("4", true)
	wrong("3", true) // overwritten
}

type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

func TestOutcomeOf(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want outcome
	}{
		{nil, applied},
		{errors.New("connection reset; not applied"), unknown},
		{fmt.Errorf("pool: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), notApplied},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, unknown},
		{redisError("CLUSTERDOWN put: too few owners; not applied"), notApplied},
		{redisError("UNKNOWN put: deadline passed; 1 of 2; outcome unknown; c: not applied"), unknown},
		{redisError("ERR something else"), unknown},
	} {
		if got := outcomeOf(tc.err); got != tc.want {
			t.Errorf("%v: %v, want %v", tc.err, got, tc.want)
		}
	}
}
