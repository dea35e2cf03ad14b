package style

import (
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checkFuzzList compares the fuzz targets in the source with those that `make
// fuzz` finds, so that none is written and never run.
func checkFuzzList(t *testing.T, tr *tree) []fault {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	makefile, err := filepath.Abs(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("make", "-s", "-f", makefile, "fuzz-list")
	cmd.Dir = tr.root
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=") // we may be called by make check
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("make fuzz-list: %v", err)
	}
	listed := strings.Split(string(out), "\n")

	var faults []fault
	for _, p := range tr.pkgs {
		for _, s := range slices.Concat(p.files, p.tests) {
			for _, name := range fuzzTargets(s) {
				if !slices.Contains(listed, "./"+p.dir+" "+name.Name) {
					faults = append(faults, s.fault(name, "make fuzz does not find %s", name.Name))
				}
			}
		}
	}
	return faults
}

// fuzzTargets are the functions of the file that take a *testing.F.
func fuzzTargets(s *source) []*ast.Ident {
	var targets []*ast.Ident
	for _, d := range s.ast.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") || len(f.Type.Params.List) != 1 {
			continue
		}
		if star, ok := f.Type.Params.List[0].Type.(*ast.StarExpr); ok {
			if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == "F" {
				targets = append(targets, f.Name)
			}
		}
	}
	return targets
}

var decoder = regexp.MustCompile(`^(Decode|Unmarshal|Parse)`)

// checkDecoders wants each exported decoder named in a test file that fuzzes:
// what comes from the wire, from a disk or from a user is hostile.
func checkDecoders(_ *testing.T, tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		if below("bench/...", p.dir) {
			continue // what it decodes, its own user wrote
		}
		fuzzed := make(map[string]bool)
		for _, s := range p.tests {
			if len(fuzzTargets(s)) > 0 {
				ast.Inspect(s.ast, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok {
						fuzzed[id.Name] = true
					}
					return true
				})
			}
		}
		for _, s := range p.files {
			for _, d := range s.ast.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && decoder.MatchString(f.Name.Name) && !fuzzed[f.Name.Name] {
					faults = append(faults, s.fault(f.Name, "no fuzz target uses the decoder %s", f.Name.Name))
				}
			}
		}
	}
	return faults
}
