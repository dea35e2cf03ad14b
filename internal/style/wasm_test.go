package style

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// checkWasm builds every core for the browser, where there are no sockets, no
// files and no processes: what compiles there leans on none of them, however
// far down.
func checkWasm(t *testing.T, tr *tree) []fault {
	args := []string{"build"}
	for _, p := range tr.pkgs {
		if l, ok := layerOf(p.dir); ok && slices.Equal(l.bans, core) && len(p.files) > 0 {
			args = append(args, "./"+p.dir)
		}
	}
	if len(args) == 1 {
		t.Fatal("there is no core to build")
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = tr.root
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil {
		return nil
	}
	faults := compilerFaults(stderr.String())
	if len(faults) == 0 {
		t.Fatalf("go build for js/wasm: %s", &stderr)
	}
	return faults
}

var compilerLine = regexp.MustCompile(`(?m)^([^\s:]+):(\d+):\d+: (.*)$`)

func compilerFaults(out string) []fault {
	var faults []fault
	for _, m := range compilerLine.FindAllStringSubmatch(out, -1) {
		line, _ := strconv.Atoi(m[2]) // digits, by the expression
		faults = append(faults, fault{path.Clean(m[1]), line, "does not build for js/wasm: " + m[3]})
	}
	return faults
}
