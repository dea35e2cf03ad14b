package style

import (
	"go/ast"
	"slices"
	"testing"
)

// Limits of what a reader keeps in mind, in lines.
const (
	maxFile     = 500
	maxFunction = 80
)

// long lists what may be longer, by "file" or "file:function", with the reason.
// An entry that is no longer needed is a fault.
var long = map[string]string{}

// checkSize holds the limits: files of any kind, functions outside tests.
func checkSize(_ *testing.T, tr *tree) []fault {
	var faults []fault
	used := make(map[string]bool)
	check := func(s *source, n ast.Node, what string, lines, limit int) {
		switch {
		case lines <= limit:
		case long[what] != "":
			used[what] = true
		default:
			faults = append(faults, s.fault(n, "%s has %d lines, at most %d", what, lines, limit))
		}
	}
	for _, p := range tr.pkgs {
		for _, s := range slices.Concat(p.files, p.tests) {
			check(s, s.ast.Name, s.path, s.lines, maxFile)
		}
		for _, s := range p.files {
			for _, d := range s.ast.Decls {
				if f, ok := d.(*ast.FuncDecl); ok {
					check(s, f.Name, s.path+":"+f.Name.Name, s.span(f), maxFunction)
				}
			}
		}
	}
	for what := range long {
		if !used[what] {
			faults = append(faults, fault{"internal/style/size_test.go", 1, what + " is not too long: take it out of the list"})
		}
	}
	return faults
}

// span counts the lines from the first to the last of n.
func (s *source) span(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}
