package gossip_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/gossip"
	"github.com/grapevine-go/grapevine/rumor"
)

// A target that the budget does not allow is told, by hook and by metric, and so
// is that it is met again.
func TestTarget(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	plans := make(chan rumor.Plan, 10)
	nodes := cluster(t, 3, labelled(registry), func(c *gossip.Config) {
		c.Target = rumor.Target{Within: time.Second, Coverage: 0.99, Budget: 100}
		if c.Name == "n0" {
			c.Hooks.Target = func(p rumor.Plan) { plans <- p }
		}
	})
	table := flags(t, nodes[0])
	ready(t, nodes...)
	var limited rumor.Plan
	eventually(t, "the budget is not enough", func() bool {
		if _, err := table.Put(t.Context(), "flag", strings.Repeat("v", 500)); err != nil {
			t.Fatal(err)
		}
		select {
		case limited = <-plans:
			return true
		default:
			return false
		}
	})
	if limited.Limit != rumor.LimitBudget {
		t.Errorf("%+v", limited)
	}
	if _, got := scrape(t, registry); got[`grapevine_target_limit{limit="budget",node="n0"}`] != "1" || got[`grapevine_target_limit{limit="none",node="n0"}`] != "0" {
		t.Errorf("metrics: %v", got)
	}
	if p := soon(t, "nothing is written any more", plans); p.Limit != rumor.NoLimit {
		t.Errorf("%+v", p)
	}
}

func TestTargetInvalid(t *testing.T) {
	t.Parallel()
	cfg := config(t, 0, nil, func(c *gossip.Config) { c.Target = rumor.Target{Within: time.Hour} })
	err := cfg.Validate()
	var field *gossip.FieldError
	if !errors.Is(err, gossip.ErrConfig) || !errors.As(err, &field) || field.Field != "Target" {
		t.Errorf("%v", err)
	}
}
