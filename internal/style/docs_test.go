package style

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// minPackageDoc is the length of a package's documentation below which it
// cannot say idea, source and use, in bytes.
const minPackageDoc = 100

// checkPackageDocs wants one comment of some substance on each package.
func checkPackageDocs(_ *testing.T, tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		if len(p.files) == 0 {
			continue // tests alone
		}
		var docs []string
		for _, s := range p.files {
			if s.ast.Doc != nil {
				docs = append(docs, s.ast.Doc.Text())
			}
		}
		start := "Package " + p.name() + " "
		if p.name() == "main" {
			start = "Command "
		}
		switch {
		case len(docs) == 0:
			faults = append(faults, p.fault("package %s has no documentation: its idea, its source, its use", p.dir))
		case len(docs) > 1:
			faults = append(faults, p.fault("package %s is documented in %d files, of which a reader finds one", p.dir, len(docs)))
		case !strings.HasPrefix(docs[0], start):
			faults = append(faults, p.fault("the documentation of %s does not begin with %q", p.dir, start))
		case len(docs[0]) < minPackageDoc:
			faults = append(faults, p.fault("the documentation of %s is %d bytes: too few to say its idea, its source and its use", p.dir, len(docs[0])))
		}
	}
	return faults
}

// public reports whether users import the package.
func (p *pkg) public() bool {
	return len(p.files) > 0 && p.name() != "main" && !nested(p.dir) && !strings.HasPrefix(p.dir+"/", "internal/")
}

// checkExamples wants a runnable use of each package that users import.
func checkExamples(_ *testing.T, tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		if p.public() && !declares(p.tests, "Example") {
			faults = append(faults, p.fault("package %s has no Example function", p.dir))
		}
	}
	return faults
}

// declares reports whether a function whose name has the prefix is in files.
func declares(files []*source, prefix string) bool {
	for _, s := range files {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, prefix) {
				return true
			}
		}
	}
	return false
}

// checkExportedDocs wants a comment on each name that users can write.
func checkExportedDocs(_ *testing.T, tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pkgs {
		if !p.public() {
			continue
		}
		for _, s := range p.files {
			for _, d := range s.ast.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					faults = append(faults, s.undocumentedFunc(d)...)
				case *ast.GenDecl:
					faults = append(faults, s.undocumentedGroup(d)...)
				}
			}
		}
	}
	return faults
}

func (s *source) undocumentedFunc(d *ast.FuncDecl) []fault {
	name := d.Name.Name
	if d.Recv != nil {
		recv := typeName(d.Recv.List[0].Type)
		if !ast.IsExported(recv) {
			return nil
		}
		name = recv + "." + name
	}
	if !d.Name.IsExported() {
		return nil
	}
	return s.undocumented(d.Name, name, d.Doc)
}

func (s *source) undocumentedGroup(d *ast.GenDecl) []fault {
	var faults []fault
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if !spec.Name.IsExported() {
				continue
			}
			doc := spec.Doc
			if doc == nil {
				doc = d.Doc
			}
			faults = append(faults, s.undocumented(spec.Name, spec.Name.Name, doc)...)
			faults = append(faults, s.undocumentedParts(spec)...)
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() && spec.Doc == nil && spec.Comment == nil && d.Doc == nil {
					faults = append(faults, s.fault(name, "%s is not documented", name.Name))
				}
			}
		}
	}
	return faults
}

// configLike are the structs whose every field a user has to decide about.
var configLike = regexp.MustCompile(`(Config|Options|Limits|Hooks|Policy)$`)

// undocumentedParts finds methods of interfaces, and fields of configurations.
func (s *source) undocumentedParts(spec *ast.TypeSpec) []fault {
	var parts *ast.FieldList
	switch typ := spec.Type.(type) {
	case *ast.InterfaceType:
		parts = typ.Methods
	case *ast.StructType:
		if configLike.MatchString(spec.Name.Name) {
			parts = typ.Fields
		}
	}
	if parts == nil {
		return nil
	}
	var faults []fault
	said := "" // a comment may speak of the fields below it too, by name
	for _, part := range parts.List {
		said += part.Doc.Text()
		for _, name := range part.Names {
			if name.IsExported() && part.Doc == nil && part.Comment == nil && !names(said, name.Name) {
				faults = append(faults, s.fault(name, "%s.%s is not documented", spec.Name.Name, name.Name))
			}
		}
	}
	return faults
}

// names reports whether the text holds the word.
func names(text, word string) bool {
	return regexp.MustCompile(`\b` + word + `\b`).MatchString(text)
}

// undocumented wants a comment that begins with the name, as go doc prints it.
func (s *source) undocumented(n *ast.Ident, full string, doc *ast.CommentGroup) []fault {
	text := doc.Text()
	if text == "" {
		return []fault{s.fault(n, "%s is not documented", full)}
	}
	for _, article := range []string{"", "A ", "An ", "The "} {
		if rest, ok := strings.CutPrefix(text, article+n.Name); ok && !token.IsIdentifier("x"+rest[:1]) {
			return nil
		}
	}
	return []fault{s.fault(n, "the comment on %s does not begin with its name", full)}
}

// typeName is the name of a receiver's type.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.ParenExpr:
		return typeName(e.X)
	case *ast.IndexExpr: // a type parameter
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	}
	panic(fmt.Sprintf("a receiver of %T", e))
}
