package style

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var testRecipe = regexp.MustCompile(`(?m)^test:.*\n\t@?(go test .*)$`)

// checkCommands wants the README to give the command that `make test` runs,
// letter by letter, and .ci/run to run it too.
func checkCommands(t *testing.T, tr *tree) []fault {
	var makefile, readme, ci string
	walk(t, tr.root, func(name string, content []byte) {
		switch name {
		case "Makefile":
			makefile = string(content)
		case "README.md":
			readme = string(content)
		case ".ci/run":
			ci = string(content)
		}
	})
	m := testRecipe.FindStringSubmatch(makefile)
	if m == nil {
		return []fault{{"Makefile", 1, "no recipe of test"}}
	}
	var faults []fault
	if !hasLine(readme, m[1]) {
		faults = append(faults, fault{"README.md", 1, "no line of its own says: " + m[1]})
	}
	if !strings.Contains(ci, "make test\n") || !strings.Contains(ci, "make check\n") {
		faults = append(faults, fault{".ci/run", 1, "it does not call make test and make check"})
	}
	return faults
}

// hasLine reports whether a line of text is the command, in a block of code or
// after a prompt.
func hasLine(text, command string) bool {
	return slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
		return strings.TrimPrefix(strings.TrimSpace(line), "$ ") == command
	})
}
