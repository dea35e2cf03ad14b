package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestSave(t *testing.T) {
	dir := t.TempDir()
	for _, log := range []bool{false, true} {
		c := Chart{Title: "a title", X: "x", Y: "y", Log: log, Lines: []Line{
			{"two points", []Point{{1, 10}, {2, 20}}}, {"one point", []Point{{3, 30}}}, {"none", nil}, {"not in a logarithm", []Point{{0, 0}}},
		}}
		for _, name := range []string{"a.svg", "a.png"} {
			path := filepath.Join(dir, name)
			if err := c.Save(path); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if name == "a.svg" {
				if err := xml.Unmarshal(b, new(any)); err != nil || !bytes.Contains(b, []byte("two points")) {
					t.Errorf("log %t: %v in %d bytes", log, err, len(b))
				}
			} else if img, err := png.Decode(bytes.NewReader(b)); err != nil || img.Bounds().Dx() < 500 {
				t.Errorf("log %t: %v", log, err)
			}
		}
	}
	if err := (Chart{}).Save(filepath.Join(dir, "a.gif")); !errors.Is(err, ErrFormat) {
		t.Errorf("a gif: %v", err)
	}
	if err := (Chart{}).Save(filepath.Join(dir, "none", "a.svg")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
	if err := (Chart{}).Save(""); err != nil {
		t.Error(err)
	}
}
