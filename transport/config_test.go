package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grapevine-go/grapevine/peer"
)

// tooLarge is a variable, for it does not fit the int of a small machine, where
// it becomes negative.
var tooLarge = int64(1 << 31)

func TestValidateListsAllProblems(t *testing.T) {
	good := Config{ID: "a", Boot: peer.Boot{Counter: 1}, Cluster: "shop"}
	tests := []struct {
		change func(*Config)
		want   []string
	}{
		{func(*Config) {}, nil},
		{func(c *Config) { *c = Config{} }, []string{"ID", "Boot", "Cluster"}},
		{func(c *Config) { c.Cluster = strings.Repeat("x", MaxCluster+1) }, []string{"Cluster"}},
		{func(c *Config) { c.MaxMessage = -1; c.MaxInFlight = -1 }, []string{"MaxMessage"}},
		{func(c *Config) { c.MaxMessage = int(tooLarge) }, []string{"MaxMessage"}},
		{func(c *Config) { c.MaxInFlight = 1 }, []string{"MaxInFlight"}},
		{func(c *Config) { c.MaxMessage = 128 << 20 }, nil},
		{func(c *Config) { c.PingInterval = time.Minute }, nil},
		{func(c *Config) { c.IdleTimeout = time.Millisecond }, []string{"IdleTimeout"}},
		{func(c *Config) { c.PingInterval, c.DialTimeout, c.BackoffMin = -1, -1, -1 }, []string{"PingInterval", "DialTimeout", "BackoffMin"}},
		{func(c *Config) { c.BackoffMin = time.Hour }, nil},
		{func(c *Config) { c.BackoffMax = 1 }, []string{"BackoffMax"}},
		{func(c *Config) { c.TLS = &tls.Config{} }, []string{"TLS"}},
		{func(c *Config) { c.TLS = testTLS(t, "a"); c.TLS.InsecureSkipVerify = true }, []string{"TLS"}},
		{func(c *Config) { c.TLS = testTLS(t, "a") }, nil},
	}
	for i, tt := range tests {
		c := good
		tt.change(&c)
		if diff := cmp.Diff(tt.want, problems(t, c.Validate())); diff != "" {
			t.Errorf("case %d: %s", i, diff)
		}
	}
}

// problems gives the fields that an error of Validate names.
func problems(t *testing.T, err error) (fields []string) {
	if err == nil {
		return nil
	}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var problem *ConfigError
		if !errors.As(e, &problem) || !errors.Is(e, ErrConfig) || !strings.Contains(e.Error(), problem.Field) {
			t.Fatalf("%v is not a ConfigError", e)
		}
		fields = append(fields, problem.Field)
	}
	return slices.Compact(fields)
}

func TestStartClosesTheListenerOfABadConfig(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Config{Listener: l}); !slices.Equal(problems(t, err), []string{"ID", "Boot", "Cluster", "Handler"}) {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestMayHaveArrived(t *testing.T) {
	for err, want := range map[error]bool{
		nil: true, ErrUnreachable: false, ErrOverloaded: false, ErrTooLarge: false,
		ErrReplyTooLarge: true, ErrTimeout: true, ErrConnLost: true, ErrCanceled: true, ErrClosed: true,
	} {
		if got := MayHaveArrived(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
		if u := unsent(err); err != nil && MayHaveArrived(u) && err != ErrReplyTooLarge {
			t.Errorf("unsent %v may have arrived", u)
		}
	}
}
