package style

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// modulePath is what the packages of the library are imported under.
const modulePath = "github.com/grapevine-go/grapevine"

// A tree is a parsed repository: this one, or a small one in testdata.
type tree struct {
	root string // where it lies
	pkgs []*pkg // sorted by dir
}

// A pkg is a folder with Go files.
type pkg struct {
	dir   string // below the root, with slashes
	files []*source
	tests []*source // in the package and beside it
}

// A source is one Go file.
type source struct {
	path  string // below the root, with slashes
	lines int
	fset  *token.FileSet
	ast   *ast.File
}

// A fault is a place where a rule is broken.
type fault struct {
	path string // below the root
	line int
	msg  string
}

func (f fault) String() string { return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.msg) }

// fault reports a broken rule at n.
func (s *source) fault(n ast.Node, format string, args ...any) fault {
	return fault{s.path, s.fset.Position(n.Pos()).Line, fmt.Sprintf(format, args...)}
}

// fault reports a broken rule of the package as a whole, at a package clause.
func (p *pkg) fault(format string, args ...any) fault {
	s := slices.Concat(p.files, p.tests)[0]
	return s.fault(s.ast.Name, format, args...)
}

func (p *pkg) name() string { return slices.Concat(p.files, p.tests)[0].ast.Name.Name }

// importPath is what an import names.
func importPath(spec *ast.ImportSpec) string { return strings.Trim(spec.Path.Value, "\"`") }

// load parses every Go file below root.
func load(t *testing.T, root string) *tree {
	t.Helper()
	fset := token.NewFileSet()
	byDir := make(map[string]*pkg)
	walk(t, root, func(name string, content []byte) {
		if path.Ext(name) != ".go" {
			return
		}
		file, err := parser.ParseFile(fset, filepath.Join(root, name), content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(name)
		p := byDir[dir]
		if p == nil {
			p = &pkg{dir: dir}
			byDir[dir] = p
		}
		s := &source{path: name, lines: bytes.Count(content, []byte("\n")), fset: fset, ast: file}
		if strings.HasSuffix(name, "_test.go") {
			p.tests = append(p.tests, s)
		} else {
			p.files = append(p.files, s)
		}
	})
	tr := &tree{root: root}
	for _, p := range byDir {
		tr.pkgs = append(tr.pkgs, p)
	}
	slices.SortFunc(tr.pkgs, func(a, b *pkg) int { return cmp.Compare(a.dir, b.dir) })
	return tr
}

// walk calls visit with the files below root, in lexical order, but for the
// repository's own records, what a tool fetched, and the controls of this
// package.
func walk(t *testing.T, root string, visit func(name string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || name == "internal/style/testdata"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(full)
		if os.IsNotExist(err) {
			return nil // another program's temporary file
		}
		if err != nil {
			return err
		}
		visit(name, content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// below reports whether dir matches pattern, which is a folder or, with "/..."
// at its end, a folder and all below it.
func below(pattern, dir string) bool {
	prefix, deep := strings.CutSuffix(pattern, "/...")
	return dir == prefix || deep && strings.HasPrefix(dir, prefix+"/")
}
