package crdt

import (
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	drawing = regexp.MustCompile("(?s)```hex ([a-z0-9-]+)\n(.*?)```")
	comment = regexp.MustCompile(`\|.*`)
	program = regexp.MustCompile("(?s)```go\n(.*?)```")
)

// TestDocumented compares the drawings of docs/crdt.md with what is encoded.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/crdt.md")
	if err != nil {
		t.Fatal(err)
	}
	samples := sample(t)
	found := drawing.FindAllStringSubmatch(string(page), -1)
	if len(found) < 7 {
		t.Fatalf("%d drawings", len(found))
	}
	for _, d := range found {
		name, version, _ := strings.Cut(d[1], "-v")
		s, ok := samples[name]
		if !ok {
			t.Errorf("%s: there is no such example", d[1])
			continue
		}
		p, err := s.AppendVersion(nil, version[0]-'0')
		drawn := strings.Join(strings.Fields(comment.ReplaceAllString(d[2], "")), "")
		if got := hex.EncodeToString(p); err != nil || got != drawn {
			t.Errorf("%s is encoded\n%s, drawn\n%s: %v", d[1], got, drawn, err)
		}
	}
}

// TestDocumentedPrograms: what the page shows is part of an example that runs.
func TestDocumentedPrograms(t *testing.T) {
	page, err := os.ReadFile("../docs/crdt.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_types_test.go")
	if err != nil {
		t.Fatal(err)
	}
	programs := program.FindAllStringSubmatch(string(page), -1)
	if len(programs) == 0 {
		t.Error("the page shows no program")
	}
	for _, p := range programs {
		if !strings.Contains(strings.ReplaceAll(string(examples), "\n\t", "\n"), p[1]) {
			t.Errorf("no example runs\n%s", p[1])
		}
	}
}
