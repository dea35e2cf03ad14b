package crdt

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// testKey keys the fingerprints of all tests.
var testKey = Key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// actor gives a short name the form of an actor.
func actor(n byte) Actor { return Actor{0: n, 15: 0xaa} }

func at(t uint64, a byte) Stamp { return Stamp{Time: Time(t), Actor: actor(a)} }

// draw makes a generator of what f draws.
func draw[T any](f func(*rapid.T) T) *rapid.Generator[T] { return rapid.Custom(f) }

// golden compares named encodings with testdata/golden/NAME, a line each:
// name, space, hex. With -rewrite it writes the file.
func golden(t *testing.T, name string, encodings map[string][]byte, order []string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *rewrite {
		var out bytes.Buffer
		for _, k := range order {
			fmt.Fprintf(&out, "%s %s\n", k, hex.EncodeToString(encodings[k]))
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := make(map[string]string)
	for s := bufio.NewScanner(f); s.Scan(); {
		k, v, _ := strings.Cut(s.Text(), " ")
		want[k] = v
	}
	if len(want) != len(order) {
		t.Errorf("%s holds %d encodings, not %d", path, len(want), len(order))
	}
	for _, k := range order {
		if got := hex.EncodeToString(encodings[k]); got != want[k] {
			t.Errorf("%s: %s is encoded\n%s, was\n%s", path, k, got, want[k])
		}
	}
}
