package convergence

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
)

// A curve is a family of policies: points of copies a node (x) and t99.9 (y).
type curve struct {
	family string
	points []point
}

type point struct{ x, y float64 }

var numbers = regexp.MustCompile(`,? ?\d+( copies)?$`)

// curves takes the rows of the first world of the frontier, a curve a family:
// policies whose names differ in the number alone.
func curves(rows []row) (list []curve) {
	first := slices.IndexFunc(rows, func(r row) bool { return r.Unit == "ms" })
	if first < 0 {
		return nil
	}
	same := func(r row) bool {
		f := rows[first]
		return r.N == f.N && r.Loss == f.Loss && r.Dead == f.Dead && r.Unknown == f.Unknown && r.T999 != nil && r.Unit == "ms"
	}
	for _, r := range rows {
		if !same(r) {
			continue
		}
		family := numbers.ReplaceAllString(r.Policy, "")
		i := slices.IndexFunc(list, func(c curve) bool { return c.family == family })
		if i < 0 {
			i = len(list)
			list = append(list, curve{family: family})
		}
		list[i].points = append(list[i].points, point{r.Copies, *r.T999})
	}
	for _, c := range list {
		slices.SortFunc(c.points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	}
	return list
}

// Measures of the drawing, in pixels.
const (
	width, height            = 900, 560
	left, right, top, bottom = 70, 640, 20, 500
)

var colours = []string{"#1b6ca8", "#c0392b", "#27864b", "#8e44ad", "#d35400", "#16857a", "#7f6000", "#555555", "#b03a7c", "#2c3e50", "#6a8f00", "#0099cc"}

// writeSVG draws redundancy against convergence.
func writeSVG(w io.Writer, list []curve) error {
	maxX, maxY := 1.0, 1.0
	for _, c := range list {
		for _, p := range c.points {
			maxX, maxY = max(maxX, p.x), max(maxY, p.y)
		}
	}
	stepX, stepY := step(maxX), step(maxY)
	maxX, maxY = math.Ceil(maxX/stepX)*stepX, math.Ceil(maxY/stepY)*stepY
	at := func(p point) (float64, float64) {
		return left + p.x/maxX*(right-left), bottom - p.y/maxY*(bottom-top)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for x := 0.0; x <= maxX; x += stepX {
		px, py := at(point{x, 0})
		fmt.Fprintf(&b, `<path d="M%.1f %.1fV%d" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="middle">%g</text>`+"\n", px, py, top, px, py+18, x)
	}
	for y := 0.0; y <= maxY; y += stepY {
		px, py := at(point{0, y})
		fmt.Fprintf(&b, `<path d="M%.1f %.1fH%d" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%g</text>`+"\n", px, py, right, px-6, py+4, y)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">copies of the update sent, a node</text>`+"\n", (left+right)/2, bottom+42)
	fmt.Fprintf(&b, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">time until 99.9 %% know, ms</text>`+"\n", (top+bottom)/2)
	for i, c := range list {
		drawCurve(&b, c, colours[i%len(colours)], at)
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="4" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", right+20, top+12+22*i, colours[i%len(colours)], right+30, top+16+22*i, c.family)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func drawCurve(b *strings.Builder, c curve, colour string, at func(point) (float64, float64)) {
	path := "M"
	for _, p := range c.points {
		x, y := at(p)
		path += fmt.Sprintf("%.1f %.1f ", x, y)
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", x, y, colour)
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.TrimSpace(path), colour)
}

// step is the distance of the marks on an axis: about eight of 1, 2 or 5 times
// a power of ten.
func step(most float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(most/8)))
	for _, m := range []float64{1, 2, 5} {
		if most/(m*unit) <= 10 {
			return m * unit
		}
	}
	return 10 * unit
}
