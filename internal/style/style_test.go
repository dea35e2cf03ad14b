package style

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rules are what the repository keeps. The control of each is the tree of the
// same name in testdata.
var rules = []struct {
	name  string
	check func(t *testing.T, tr *tree) []fault
}{
	{"imports", checkImports},
	{"purity", checkPurity},
	{"wasm", checkWasm},
	{"packagedocs", checkPackageDocs},
	{"exporteddocs", checkExportedDocs},
	{"examples", checkExamples},
	{"size", checkSize},
	{"words", checkWords},
	{"fuzzlist", checkFuzzList},
	{"decoders", checkDecoders},
	{"goroutines", checkGoroutines},
	{"sleeps", checkSleeps},
	{"commands", checkCommands},
}

func TestRepository(t *testing.T) {
	tr := load(t, filepath.Join("..", ".."))
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, f := range rule.check(t, tr) {
				t.Error(f)
			}
		})
	}
}

// TestControls runs each rule over the tree that breaks it: it must complain of
// every marked line, and of no other.
func TestControls(t *testing.T) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			tr := load(t, filepath.Join("testdata", rule.name))
			marks := wanted(t, tr.root)
			if len(marks) == 0 {
				t.Fatal("the control wants nothing")
			}
			for _, f := range rule.check(t, tr) {
				i := slices.IndexFunc(marks, func(m fault) bool {
					return m.path == f.path && m.line == f.line && strings.Contains(f.msg, m.msg)
				})
				if i < 0 {
					t.Errorf("not wanted: %v", f)
					continue
				}
				marks = slices.Delete(marks, i, i+1)
			}
			for _, m := range marks {
				t.Errorf("not seen: %v", m)
			}
		})
	}
}

var mark = regexp.MustCompile(`want(?:\+(\d))? "([^"]+)"`)

// wanted lists the marked lines of a control. A mark "want+2" is for the second
// line below it, where a comment at the end of the line would be documentation.
func wanted(t *testing.T, root string) []fault {
	var marks []fault
	walk(t, root, func(name string, content []byte) {
		for i, line := range strings.Split(string(content), "\n") {
			for _, m := range mark.FindAllStringSubmatch(line, -1) {
				later, _ := strconv.Atoi(m[1]) // nothing is 0
				marks = append(marks, fault{name, i + 1 + later, m[2]})
			}
		}
	})
	return marks
}

// TestEveryControlHasARule sees a control that lost its rule.
func TestEveryControlHasARule(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		known := false
		for _, rule := range rules {
			known = known || rule.name == e.Name()
		}
		if !known {
			t.Errorf("testdata/%s belongs to no rule", e.Name())
		}
	}
}
