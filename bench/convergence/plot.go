package convergence

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/grapevine-go/grapevine/bench/chart"
)

var numbers = regexp.MustCompile(`,? ?(contacts )?\d+( copies)?$`)

// drawing takes the rows of the first world of the frontier, a line a family:
// policies whose names differ in the number alone, with copies a node (x) and t99.9
// (y).
func drawing(rows []row) chart.Chart {
	c := chart.Chart{X: "copies of the update sent, a node", Y: "time until 99.9 % know, ms"}
	first := slices.IndexFunc(rows, func(r row) bool { return r.Unit == "ms" })
	if first < 0 {
		return c
	}
	f := rows[first]
	c.Title = fmt.Sprintf("%d nodes, %.3g %% loss, %.3g %% dead and not noticed", f.N, 100*f.Loss, 100*f.Dead)
	for _, r := range rows {
		if r.Unit != "ms" || r.N != f.N || r.Loss != f.Loss || r.Dead != f.Dead || r.Unknown != f.Unknown || r.T999 == nil {
			continue
		}
		family := numbers.ReplaceAllString(r.Policy, "")
		i := slices.IndexFunc(c.Lines, func(l chart.Line) bool { return l.Name == family })
		if i < 0 {
			i = len(c.Lines)
			c.Lines = append(c.Lines, chart.Line{Name: family})
		}
		c.Lines[i].Points = append(c.Lines[i].Points, chart.Point{X: r.Copies, Y: *r.T999})
	}
	for _, l := range c.Lines {
		slices.SortFunc(l.Points, func(a, b chart.Point) int { return cmp.Compare(a.X, b.X) })
	}
	return c
}
