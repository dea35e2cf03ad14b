package style

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"
)

// banned are words that no text of the repository holds. They are put together
// from parts, so that this file does not hold them either.
var banned = []struct {
	word *regexp.Regexp
	why  string
}{
	{
		regexp.MustCompile(`\b(proxy|sum)\.` + `golang\.org|registry\.` + `(npmjs\.org|yarnpkg\.com)|files\.` + `pythonhosted\.org`),
		"the host of a package registry: the tools' own settings decide where modules come from",
	},
	{
		regexp.MustCompile(`(^|[^\w.~/})-])/` + `(root|work|home|tmp|Users)/`),
		"a path of one machine, which means nothing on another",
	},
	{
		regexp.MustCompile(`<<<<` + `<<< |>>>>` + `>>> `),
		"the mark of a merge that was not ended",
	},
}

// checkWords reads every text file, also those that no compiler reads.
func checkWords(t *testing.T, tr *tree) []fault {
	var faults []fault
	walk(t, tr.root, func(name string, content []byte) {
		if bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0 {
			return // not text
		}
		for i, line := range bytes.Split(content, []byte("\n")) {
			for _, b := range banned {
				if m := b.word.Find(line); m != nil {
					faults = append(faults, fault{name, i + 1, fmt.Sprintf("%q: %s", m, b.why)})
				}
			}
		}
	})
	return faults
}
