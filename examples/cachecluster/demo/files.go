package demo

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// file is a file that is stored: its path below the directory is the key.
type file struct {
	key  string
	path string
	size int
	sum  [sha256.Size]byte // known once it was stored
}

// findFiles lists the regular files below a directory.
func findFiles(dir string) ([]file, error) {
	if dir == "" {
		var err error
		if dir, err = goSource(); err != nil {
			return nil, err
		}
	}
	var files []file
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		key, err := filepath.Rel(dir, path)
		files = append(files, file{key: filepath.ToSlash(key), path: path})
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no files in %s", dir)
	}
	return files, err
}

// goSource finds the source tree of the Go installation.
func goSource() (string, error) {
	root := os.Getenv("GOROOT")
	if root == "" {
		out, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			return "", fmt.Errorf("asking the go command for its source tree: %w; say -files DIRECTORY", err)
		}
		root = strings.TrimSpace(string(out))
	}
	return filepath.Join(root, "src"), nil
}
