package reconcile

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// The drawing: bytes a key that differs against how many differ, both
// logarithmic.
const (
	left, right, top, bottom = 70, 520, 20, 360
	decadesX, decadesY       = 5, 7
)

var colours = [...]string{"#1b6ca8", "#d1495b", "#2e8b57", "#e08e0b", "#777777", "#aaaaaa"}

// line is one strategy's points, by the number of keys that differ.
type line struct {
	name  string
	bytes map[int]float64
}

// lines gathers the rows by strategy, and adds what others have published.
func lines(rows []row) (list []line) {
	at := make(map[string]int)
	for _, r := range rows {
		if r.Diff == 0 {
			continue
		}
		i, ok := at[r.Strategy]
		if !ok {
			i = len(list)
			at[r.Strategy] = i
			list = append(list, line{r.Strategy, make(map[int]float64)})
		}
		list[i].bytes[r.Diff] = r.Bytes
	}
	for _, p := range published {
		list = append(list, line{p.name, p.perKey})
	}
	return list
}

func place(diff int, bytes float64) (x, y float64) {
	x = left + math.Log10(float64(diff))/decadesX*(right-left)
	return x, bottom - math.Log10(max(bytes, 1))/decadesY*(bottom-top)
}

// writeSVG draws the lines.
func writeSVG(w io.Writer, list []line) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="780" height="410" font-family="sans-serif" font-size="13">`+"\n")
	b.WriteString(`<rect width="780" height="410" fill="white"/>` + "\n")
	for i := range decadesX + 1 {
		x, _ := place(int(math.Pow10(i)), 1)
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n", x, bottom, top, x, bottom+18, math.Pow10(i))
	}
	for i := range decadesY + 1 {
		_, y := place(1, math.Pow10(i))
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", left, y, right, left-6, y+4, math.Pow10(i))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">keys that differ</text>`+"\n", (left+right)/2, bottom+38)
	fmt.Fprintf(&b, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">bytes a key that differs</text>`+"\n", (top+bottom)/2)
	for i, l := range list {
		l.draw(&b, colours[i%len(colours)], top+12+22*i)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// draw draws the line and, at a height, its name.
func (l line) draw(b *strings.Builder, colour string, y int) {
	var points []string
	for diff := 1; diff <= 100_000; diff *= 10 {
		if bytes, ok := l.bytes[diff]; ok {
			px, py := place(diff, bytes)
			points = append(points, fmt.Sprintf("%.1f,%.1f", px, py))
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", px, py, colour)
		}
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colour)
	fmt.Fprintf(b, `<circle cx="%d" cy="%d" r="4" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", right+20, y, colour, right+30, y+4, l.name)
}

// saveSVG draws into a file, unless none is named.
func saveSVG(path string, rows []row) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := writeSVG(f, lines(rows)); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
