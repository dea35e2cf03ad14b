package gossip

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/grapevine-go/grapevine/peer"
	"github.com/grapevine-go/grapevine/quorum"
)

// tracing makes a span for each operation, if the application has a provider.
// Its names are those of OpenTelemetry's conventions for databases, where these
// have any. The key is not among the attributes: it may be a secret.
type tracing struct {
	tracer trace.Tracer // nil: there are no spans
	node   attribute.KeyValue
}

func (t *tracing) init(provider trace.TracerProvider, node peer.ID) {
	if provider != nil {
		t.tracer = provider.Tracer("github.com/grapevine-go/grapevine/gossip")
		t.node = attribute.String("grapevine.node", string(node))
	}
}

// trace begins the span of an operation that is about to begin.
func (k *call) trace(ctx context.Context, t *table, need quorum.Level) {
	k.span = nil
	if t.n.tracing.tracer == nil {
		return
	}
	_, k.span = t.n.tracing.tracer.Start(ctx, opNames[k.op]+" "+t.spec.Name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(k.begun), trace.WithAttributes(
			attribute.String("db.system.name", "grapevine"), attribute.String("db.operation.name", opNames[k.op]),
			attribute.String("db.collection.name", t.spec.Name), t.n.tracing.node, attribute.String("grapevine.needed", need.String())))
}

// traced notes an answer, or that there will be none. The caller holds k.mu.
func (k *call) traced(token uint64, now time.Time, err error) {
	if k.span == nil || uint8(token>>8) != k.c.Op.Round {
		return
	}
	who := "grapevine.owner"
	if _, is := k.c.Op.Fallback(int(token & 0xff)); is {
		who = "grapevine.fallback"
	}
	attrs := []attribute.KeyValue{attribute.String(who, string(k.c.Op.Targets[token&0xff].ID))}
	if err != nil {
		attrs = append(attrs, attribute.String("error.message", err.Error()))
	}
	k.span.AddEvent("answer", trace.WithTimestamp(now), trace.WithAttributes(attrs...))
}

// endTrace ends the span. Answers that come later are not in it.
func (k *call) endTrace(err error) {
	if k.span == nil {
		return
	}
	k.mu.Lock()
	acked := k.c.Op.Acked()
	k.mu.Unlock()
	k.span.SetAttributes(attribute.Int("grapevine.acked", acked))
	if k.op == opWrite {
		k.span.SetAttributes(attribute.String("grapevine.outcome", Outcome(err).String()))
	}
	if err != nil {
		k.span.RecordError(err)
		k.span.SetStatus(codes.Error, Outcome(err).String())
	}
	k.span.End()
}
