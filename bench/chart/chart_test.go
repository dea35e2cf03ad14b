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

func TestTicks(t *testing.T) {
	for to := 1e-6; to < 1e6; to *= 1.07 {
		list := ticks(0, to)
		if n := len(list); n < 5 || n > 13 || list[0].Value != 0 || list[n-1].Value > to {
			t.Errorf("up to %v: %v", to, list)
		}
	}
	if list := ticks(0, 16.6); len(list) != 9 || list[1].Label != "2" || list[8].Label != "16" {
		t.Errorf("%v", list)
	}
}

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
