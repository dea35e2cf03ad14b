package gossip_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/quorum"
)

// provider is a provider whose tracer keeps what it is told.
type provider struct {
	embedded.TracerProvider
	recorder
}

func (p *provider) Tracer(string, ...trace.TracerOption) trace.Tracer { return &p.recorder }

// recorder is a tracer.
type recorder struct {
	embedded.Tracer
	mu    sync.Mutex
	spans []*recorded
}

// recorded is a span.
type recorded struct {
	noop.Span
	r      *recorder
	parent trace.Span
	name   string
	attrs  map[attribute.Key]attribute.Value
	owners map[string]bool
	status codes.Code
	ended  bool
}

func (r *recorder) Start(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &recorded{r: r, parent: trace.SpanFromContext(ctx), name: name,
		attrs: make(map[attribute.Key]attribute.Value), owners: make(map[string]bool)}
	cfg := trace.NewSpanStartConfig(opts...)
	s.note(cfg.Attributes())
	r.spans = append(r.spans, s)
	return trace.ContextWithSpan(ctx, s), s
}

func (s *recorded) note(attrs []attribute.KeyValue) {
	for _, a := range attrs {
		s.attrs[a.Key] = a.Value
	}
}

func (s *recorded) SetAttributes(attrs ...attribute.KeyValue) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.note(attrs)
}

func (s *recorded) AddEvent(_ string, opts ...trace.EventOption) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	cfg := trace.NewEventConfig(opts...)
	for _, a := range cfg.Attributes() {
		if a.Key == "grapevine.owner" && !s.ended {
			s.owners[a.Value.AsString()] = true
		}
	}
}

func (s *recorded) SetStatus(c codes.Code, _ string) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.status = c
}

func (s *recorded) End(...trace.SpanEndOption) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.ended = true
}

// TestTraces: a span for each operation, below the caller's, with who answered
// and how it ended.
func TestTraces(t *testing.T) {
	t.Parallel()
	var r provider
	nodes := cluster(t, 3, func(c *gossip.Config) { c.TracerProvider = &r })
	table := open(t, nodes[0])
	ready(t, nodes...)
	parent := new(recorded)
	ctx := trace.ContextWithSpan(within(t), parent)
	if _, err := table.Put(ctx, "key", "value", quorum.W(3)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := table.Get(ctx, "key", quorum.R(3)); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := table.Get(canceled, "key"); err == nil {
		t.Fatal("a canceled read")
	}
	nodes[1].Close()
	nodes[2].Close()
	eventually(t, "two are dead, and no quorum is left", func() bool {
		_, err := table.Put(ctx, "key", "other")
		return gossip.Outcome(err) == quorum.NotApplied
	})

	r.mu.Lock()
	defer r.mu.Unlock()
	put, get, last := r.spans[0], r.spans[1], r.spans[len(r.spans)-1]
	for _, s := range r.spans {
		if s.parent != trace.Span(parent) || !s.ended {
			t.Errorf("%s: ended %t, below %v", s.name, s.ended, s.parent)
		}
	}
	if put.name != "write sessions" || get.name != "read sessions" {
		t.Errorf("%q, %q", put.name, get.name)
	}
	if d := cmp.Diff([]string{"n0", "n1", "n2"}, slices.Sorted(maps.Keys(put.owners))); d != "" {
		t.Error(d)
	}
	for what, ok := range map[string]bool{
		"put acked":   put.attrs["grapevine.acked"].AsInt64() == 3 && put.attrs["grapevine.needed"].AsString() == "3",
		"put applied": put.attrs["grapevine.outcome"].AsString() == "applied" && put.status == codes.Unset,
		"get acked":   get.attrs["grapevine.acked"].AsInt64() == 3,
		"table":       get.attrs["db.collection.name"].AsString() == "sessions",
		"failure":     last.status == codes.Error && last.attrs["grapevine.outcome"].AsString() == "not applied",
	} {
		if !ok {
			t.Errorf("%s: put %v, get %v, last %v", what, put.attrs, get.attrs, last.attrs)
		}
	}
}
