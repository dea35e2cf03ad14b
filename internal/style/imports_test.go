package style

import (
	"slices"
	"strings"
	"testing"
)

// checkImports holds the tables layers and modules. A test file may import any
// package of the library, and of the modules what the table gives to tests.
func checkImports(_ *testing.T, tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		l, ok := layerOf(p.dir)
		if !ok {
			faults = append(faults, p.fault("%s has no rule: say in internal/style/layers_test.go what it may import, and why", p.dir))
			continue
		}
		for _, s := range slices.Concat(p.files, p.tests) {
			test := slices.Contains(p.tests, s)
			for _, spec := range s.ast.Imports {
				if msg := l.refuses(p.dir, importPath(spec), test); msg != "" {
					faults = append(faults, s.fault(spec, "%s", msg))
				}
			}
		}
	}
	return faults
}

func layerOf(dir string) (layer, bool) {
	for _, l := range layers {
		if below(l.dir, dir) {
			return l, true
		}
	}
	return layer{}, false
}

// refuses says why the package in dir must not import the path, or nothing.
func (l layer) refuses(dir, imported string, test bool) string {
	ours, rest := ownPackage(imported)
	switch {
	case ours:
		return l.refusesOwn(dir, rest, test)
	case !strings.Contains(strings.Split(imported, "/")[0], "."):
		return "" // the standard library; see checkPurity
	case nested(dir):
		return ""
	}
	return refusesModule(dir, imported, test)
}

// ownPackage reports whether a path is of the library, and its folder.
func ownPackage(imported string) (bool, string) {
	if imported == modulePath {
		return true, "."
	}
	rest, ours := strings.CutPrefix(imported, modulePath+"/")
	return ours, rest
}

// nested reports whether a folder is in a module of its own.
func nested(dir string) bool {
	return below("bench/...", dir) || below("examples/...", dir) || below("tools/...", dir)
}

func (l layer) refusesOwn(dir, rest string, test bool) string {
	if test && !nested(rest) || slices.ContainsFunc(l.imports, func(p string) bool { return below(p, rest) }) {
		return ""
	}
	may := "nothing"
	if len(l.imports) > 0 {
		may = strings.Join(l.imports, ", ")
	}
	return dir + " imports " + rest + ", but of the library only: " + may + "; " + l.why
}

func refusesModule(dir, imported string, test bool) string {
	for _, m := range modules {
		if imported != m.path && !strings.HasPrefix(imported, m.path+"/") {
			continue
		}
		for _, in := range m.in {
			if below(in, dir) || test && in == "tests" {
				return ""
			}
		}
		return dir + " imports " + imported + ", which is for " + strings.Join(m.in, ", ") + "; " + m.why
	}
	return imported + " has no rule: say in internal/style/layers_test.go who may import it, and why we have it"
}

// TestLayersAreSaid sees a table that has stopped to make sense: a rule without
// a reason, or one that an earlier rule hides.
func TestLayersAreSaid(t *testing.T) {
	for i, l := range layers {
		if l.why == "" {
			t.Errorf("layers: %s has no reason", l.dir)
		}
		for _, earlier := range layers[:i] {
			if below(earlier.dir, strings.TrimSuffix(l.dir, "/...")) && !strings.HasSuffix(l.dir, "/...") {
				t.Errorf("layers: %s is hidden by %s", l.dir, earlier.dir)
			}
		}
	}
	for _, m := range modules {
		if m.why == "" || len(m.in) == 0 {
			t.Errorf("modules: %s has no reason or no place", m.path)
		}
	}
}

// TestLayersHaveNoCycle follows the table: whatever it allows, importing goes
// one way.
func TestLayersHaveNoCycle(t *testing.T) {
	const visiting, done = 1, 2
	state := make(map[string]int)
	var visit func(l layer, trail string)
	visit = func(l layer, trail string) {
		if state[l.dir] == visiting {
			t.Errorf("layers: a cycle: %s", trail)
		}
		if state[l.dir] != 0 {
			return
		}
		state[l.dir] = visiting
		for _, in := range l.imports {
			next, ok := layerOf(strings.TrimSuffix(in, "/..."))
			if ok && next.dir != l.dir {
				visit(next, trail+" > "+next.dir)
			}
		}
		state[l.dir] = done
	}
	for _, l := range layers {
		visit(l, l.dir)
	}
}
