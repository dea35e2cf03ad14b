package convergence

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/grapevine-go/grapevine/bench/verb"
)

// saved reads rows that were written before, those of the world that the flags
// choose.
func (o *options) saved(out io.Writer) (rows []row, err error) {
	all, err := verb.ReadJSON[row](o.from)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		other := o.chosen["n"] && r.N != o.e.Nodes || o.chosen["loss"] && r.Loss != o.e.Loss ||
			o.chosen["dead"] && r.Dead != o.e.Dead || o.chosen["unknown"] && r.Unknown != o.e.Unknown
		if !other {
			rows = append(rows, r)
		}
	}
	printRows(out, rows)
	return rows, nil
}

// write puts the rows where the user wants them.
func (f files) write(rows []row) error {
	return errors.Join(
		verb.WriteJSON(f.json, rows),
		save(f.csv, func(file *os.File) error { return writeCSV(file, rows) }),
		drawing(rows).Save(f.svg),
		drawing(rows).Save(f.png),
	)
}

// save creates a file and fills it; with an empty path it does nothing.
func save(path string, fill func(*os.File) error) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}

// writeCSV writes a line a row, with the names that JSON uses.
func writeCSV(file *os.File, rows []row) error {
	w := csv.NewWriter(file)
	var heads []string
	for field := range reflect.TypeFor[row]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		heads = append(heads, name)
	}
	w.Write(heads)
	for _, r := range rows {
		var line []string
		for _, field := range reflect.ValueOf(r).Fields() {
			switch {
			case field.Kind() != reflect.Pointer:
				line = append(line, fmt.Sprint(field.Interface()))
			case field.IsNil():
				line = append(line, "")
			default:
				line = append(line, fmt.Sprint(field.Elem().Interface()))
			}
		}
		w.Write(line)
	}
	w.Flush()
	return w.Error()
}
