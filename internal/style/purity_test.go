package style

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A group is a kind of thing that a package may be forbidden to do.
type group string

const (
	inputOutput group = "I/O"
	clock       group = "the clock"
	chance      group = "chance"
	locks       group = "locks"
	goroutines  group = "goroutines"
)

// A ban is a package of the standard library, or some of its names, that a
// group keeps out.
type ban struct {
	group group
	path  string   // with "/..." all below it too
	names []string // nil: all of it
	why   string
}

var bans = []ban{
	{inputOutput, "net/...", nil, "messages come as arguments and go as values"},
	{inputOutput, "crypto/tls", nil, "messages come as arguments and go as values"},
	{inputOutput, "os/...", nil, "what the system says is not in the seed"},
	{inputOutput, "syscall/...", nil, "what the system says is not in the seed"},
	{inputOutput, "log/...", nil, "events are values; the shell logs them"},
	{
		clock, "time",
		[]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Timer", "Ticker"},
		"the time is an argument, and a deadline is a value that the caller is told",
	},
	{chance, "math/rand", nil, "math/rand/v2 gives a seeded generator whose sequence is promised"},
	{chance, "math/rand/v2", globalRand, "draw from the generator that was passed in; the global one has no seed"},
	{chance, "crypto/rand", nil, "random bytes are an argument"},
	{chance, "hash/maphash", nil, "its seed differs from run to run"},
	{locks, "sync/...", nil, "a core has one caller at a time; who needs more locks around it"},
	{goroutines, "context", nil, "nothing here waits, so nothing can be cancelled"},
}

var globalRand = []string{
	"ExpFloat64", "Float32", "Float64", "Int", "Int32", "Int32N", "Int64", "Int64N", "IntN", "N", "NormFloat64",
	"Perm", "Shuffle", "Uint", "Uint32", "Uint32N", "Uint64", "Uint64N", "UintN",
}

// checkPurity holds the bans of each layer in its code; its tests may do as
// they please.
func checkPurity(_ *testing.T, tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		l, ok := layerOf(p.dir)
		if !ok || len(l.bans) == 0 {
			continue
		}
		for _, s := range p.files {
			faults = append(faults, l.impureImports(s)...)
			faults = append(faults, l.impureNames(s)...)
			if slices.Contains(l.bans, goroutines) {
				faults = append(faults, concurrency(s)...)
			}
		}
	}
	return faults
}

// impureImports finds packages that the layer must not import at all, and
// imports whose names could not be followed.
func (l layer) impureImports(s *source) []fault {
	var faults []fault
	for _, spec := range s.ast.Imports {
		imported := importPath(spec)
		if spec.Name != nil && spec.Name.Name == "." {
			faults = append(faults, s.fault(spec, "a dot import hides which package a name is of"))
		}
		for _, b := range bans {
			if b.names == nil && below(b.path, imported) && slices.Contains(l.bans, b.group) {
				faults = append(faults, s.fault(spec, "%s must not touch %s: %s; %s", l.dir, b.group, imported, b.why))
			}
		}
	}
	return faults
}

// impureNames finds uses of single names that the layer must not use.
func (l layer) impureNames(s *source) []fault {
	paths := make(map[string]string) // by the name in this file
	for _, spec := range s.ast.Imports {
		paths[localName(spec)] = importPath(spec)
	}
	var faults []fault
	ast.Inspect(s.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		for _, b := range bans {
			if b.path == paths[x.Name] && slices.Contains(b.names, sel.Sel.Name) && slices.Contains(l.bans, b.group) {
				faults = append(faults, s.fault(sel, "%s must not touch %s: %s.%s; %s", l.dir, b.group, b.path, sel.Sel.Name, b.why))
			}
		}
		return true
	})
	return faults
}

// localName is the name under which a file knows a package.
func localName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	imported := importPath(spec)
	base := path.Base(imported)
	if _, err := strconv.Atoi(strings.TrimPrefix(base, "v")); err == nil && strings.HasPrefix(base, "v") {
		return path.Base(path.Dir(imported)) // a major version
	}
	return base
}

// concurrency finds what starts, feeds or awaits a goroutine.
func concurrency(s *source) []fault {
	const why = "a core is a machine that its caller drives: no goroutines, no channels"
	var faults []fault
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
			faults = append(faults, s.fault(n, "%s", why))
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				faults = append(faults, s.fault(n, "%s", why))
			}
		}
		return true
	})
	return faults
}
