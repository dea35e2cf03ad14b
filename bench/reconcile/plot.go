package reconcile

import (
	"maps"
	"slices"

	"github.com/grapevine-go/grapevine/bench/chart"
)

// drawing shows bytes a key that differs against how many differ, a line a
// strategy, and beside them what others have published.
func drawing(rows []row) chart.Chart {
	c := chart.Chart{Title: "finding what differs between two replicas", X: "keys that differ", Y: "bytes a key that differs, both directions", Log: true}
	for _, r := range rows {
		if r.Diff == 0 {
			continue
		}
		i := slices.IndexFunc(c.Lines, func(l chart.Line) bool { return l.Name == r.Strategy })
		if i < 0 {
			i = len(c.Lines)
			c.Lines = append(c.Lines, chart.Line{Name: r.Strategy})
		}
		c.Lines[i].Points = append(c.Lines[i].Points, chart.Point{X: float64(r.Diff), Y: r.Bytes})
	}
	for _, p := range published {
		l := chart.Line{Name: p.name}
		for _, diff := range slices.Sorted(maps.Keys(p.perKey)) {
			l.Points = append(l.Points, chart.Point{X: float64(diff), Y: p.perKey[diff]})
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}
