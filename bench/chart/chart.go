// Package chart draws lines into files, for the verbs that measure something
// better looked at than read. The drawing itself is gonum's.
package chart

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	_ "gonum.org/v1/plot/vg/vgimg" // PNG
	_ "gonum.org/v1/plot/vg/vgsvg" // SVG
)

// Chart is a drawing of lines over two axes, with their names beside it.
type Chart struct {
	Title, X, Y string // and what the axes mean, with the unit
	Log         bool   // both axes are logarithmic; points at or below 0 are left out
	Lines       []Line
}

// Line is a line through its points, in their order; one point is drawn as a
// mark.
type Line struct {
	Name   string
	Points []Point
}

// Point is where X and Y are.
type Point struct{ X, Y float64 }

// ErrFormat is wrapped when a file's name ends neither in .svg nor in .png.
var ErrFormat = errors.New("chart: a drawing is .svg or .png")

const (
	width, height = 9 * vg.Inch, 5.4 * vg.Inch
	legend        = 2.3 * vg.Inch
)

var colours = []color.RGBA{
	{0x1b, 0x6c, 0xa8, 0xff}, {0xc0, 0x39, 0x2b, 0xff}, {0x27, 0x86, 0x4b, 0xff}, {0x8e, 0x44, 0xad, 0xff},
	{0xd3, 0x54, 0x00, 0xff}, {0x16, 0x85, 0x7a, 0xff}, {0x7f, 0x60, 0x00, 0xff}, {0x55, 0x55, 0x55, 0xff},
	{0xb0, 0x3a, 0x7c, 0xff}, {0x2c, 0x3e, 0x50, 0xff}, {0x6a, 0x8f, 0x00, 0xff}, {0x00, 0x99, 0xcc, 0xff},
	{0xe0, 0x9f, 0x00, 0xff}, {0xe7, 0x6f, 0x8a, 0xff}, {0x5d, 0x4e, 0x37, 0xff}, {0x9a, 0x9a, 0xd0, 0xff},
}

var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}}

// Save draws into a file whose name says the format. With an empty path it does
// nothing. The error wraps [ErrFormat], or is the file's.
func (c Chart) Save(path string) error {
	if path == "" {
		return nil
	}
	format := strings.TrimPrefix(filepath.Ext(path), ".")
	if format != "svg" && format != "png" {
		return fmt.Errorf("%w: %q", ErrFormat, path)
	}
	canvas, err := draw.NewFormattedCanvas(width, height, format)
	if err != nil {
		return err
	}
	if err := c.draw(draw.New(canvas)); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}

func (c Chart) draw(dc draw.Canvas) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.Title.Padding = vg.Points(8)
	c.scale(p)
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe4}, color.Gray{0xe4}
	p.Add(grid)
	names := plot.NewLegend()
	names.Top, names.Left, names.YPosition = true, true, 0
	names.Padding = vg.Points(3)
	var marks []plot.Plotter // above all lines
	for i, l := range c.Lines {
		points := c.points(l)
		if len(points) == 0 {
			continue
		}
		line, mark, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("chart: line %q: %w", l.Name, err)
		}
		line.Color, line.Width = colours[i%len(colours)], vg.Points(1.5)
		mark.Color, mark.Radius, mark.Shape = line.Color, vg.Points(3.5), shapes[(i+i/len(colours))%len(shapes)]
		marks = append(marks, mark)
		if len(points) == 1 {
			names.Add(l.Name, mark)
			continue
		}
		p.Add(line)
		names.Add(l.Name, line, mark)
	}
	p.Add(marks...)
	dc.SetColor(color.White)
	dc.Fill(dc.Rectangle.Path())
	p.Draw(draw.Crop(dc, vg.Points(6), -legend, vg.Points(4), -vg.Points(6)))
	names.Draw(draw.Crop(dc, width-legend+vg.Points(10), -vg.Points(4), 0, -vg.Points(30)))
	return nil
}

// points are those of a line that can be drawn.
func (c Chart) points(l Line) (points plotter.XYs) {
	for _, at := range l.Points {
		if !c.Log || at.X > 0 && at.Y > 0 {
			points = append(points, plotter.XY{X: at.X, Y: at.Y})
		}
	}
	return points
}

// scale gives the axes their ends, with room beyond the last points, and their
// labels.
func (c Chart) scale(p *plot.Plot) {
	if c.Log {
		p.X.Min, p.Y.Min = math.Inf(1), math.Inf(1)
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
		return
	}
	p.X.Min, p.Y.Min, p.X.Max, p.Y.Max = 0, 0, 0, 0
	for _, l := range c.Lines {
		for _, at := range l.Points {
			p.X.Max, p.Y.Max = max(p.X.Max, at.X*1.04), max(p.Y.Max, at.Y*1.06)
		}
	}
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		if axis.Max == 0 {
			axis.Max = 1 // nothing to draw
		}
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(ticks), plot.TickerFunc(ticks)
}

// ticks are five to twelve labels at round numbers.
func ticks(from, to float64) (list []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10((to-from)/5)))
	for _, times := range []float64{2, 2.5} { // 2 and 5 times the power of ten
		if (to-from)/(step*times) >= 5 {
			step *= times
		}
	}
	for i := math.Ceil(from / step); i*step <= to; i++ {
		list = append(list, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'g', 6, 64)})
	}
	return list
}
