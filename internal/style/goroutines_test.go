package style

import (
	"go/ast"
	"testing"
)

// checkGoroutines wants leaks looked for wherever goroutines are started: each
// has an owner and an end.
func checkGoroutines(_ *testing.T, tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		start, at := starts(p.files)
		if start != nil && !importsPath(p.tests, "go.uber.org/goleak") {
			faults = append(faults, at.fault(start, "package %s starts goroutines, and no test of it looks for leaks with goleak", p.dir))
		}
	}
	return faults
}

// starts finds the first place that starts a goroutine.
func starts(files []*source) (found ast.Node, in *source) {
	for _, s := range files {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if found == nil && startsGoroutine(n) {
				found = n
			}
			return found == nil
		})
		if found != nil {
			return found, s
		}
	}
	return nil, nil
}

// startsGoroutine reports whether n is a go statement, or calls the Go method of
// a group.
func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		sel, ok := n.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Go"
	}
	return false
}

func importsPath(files []*source, wanted string) bool {
	for _, s := range files {
		for _, spec := range s.ast.Imports {
			if importPath(spec) == wanted {
				return true
			}
		}
	}
	return false
}

// checkSleeps finds tests that wait for wall time. A test that sleeps is slow
// when the machine is fast and wrong when it is slow; within a synctest bubble
// time is virtual, and sleeping is how it passes.
func checkSleeps(_ *testing.T, tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		for _, s := range p.tests {
			if importsPath([]*source{s}, "testing/synctest") {
				continue
			}
			ast.Inspect(s.ast, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
					if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
						faults = append(faults, s.fault(sel, "a test that sleeps: wait for what it waits for"))
					}
				}
				return true
			})
		}
	}
	return faults
}
