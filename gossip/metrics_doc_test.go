package gossip_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grapevine-go/grapevine/gossip"
)

// described takes a node's collector, to see what it describes.
type described struct {
	*prometheus.Registry
	names map[string]bool
}

// Register implements prometheus.Registerer.
func (d *described) Register(c prometheus.Collector) error {
	descs := make(chan *prometheus.Desc, 1000)
	c.Describe(descs)
	close(descs)
	for desc := range descs {
		d.names[regexp.MustCompile(`fqName: "([^"]*)"`).FindStringSubmatch(desc.String())[1]] = true
	}
	return d.Registry.Register(c)
}

// TestMetricsAreDocumented: docs/metrics.md tells every metric, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	d := &described{prometheus.NewRegistry(), make(map[string]bool)}
	cluster(t, 1, func(c *gossip.Config) { c.Registerer = d })
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string]bool)
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z_]+)(\\{[a-z,]*\\})?`").FindAllStringSubmatch(cells[0], -1) {
			told["grapevine_"+m[1]] = true
		}
	}
	for name := range d.names {
		if !told[name] {
			t.Errorf("%s is not in docs/metrics.md", name)
		}
	}
	for name := range told {
		if !d.names[name] {
			t.Errorf("docs/metrics.md tells of %s, which does not exist", name)
		}
	}
	if len(d.names) < 20 {
		t.Errorf("only %d metrics: the test is blind", len(d.names))
	}
}
