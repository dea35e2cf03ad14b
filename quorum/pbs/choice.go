package pbs

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/grapevine-go/grapevine/quorum"
)

// Choice is a choice of levels, and what a model predicts of it. The zero Choice is
// what there is where nothing could be predicted.
type Choice struct {
	Levels    quorum.NWR
	Predicted *Prediction // nil: nothing is predicted
}

// Choices predicts for every R and W of n owners, W growing first. The errors
// are those of [Predict].
func Choices(m Model, n, trials int, rnd *rand.Rand) (list []Choice, err error) {
	if err := (quorum.NWR{N: n, W: 1, R: 1}).Validate(); err != nil {
		return nil, fmt.Errorf("pbs: %w", err)
	}
	for r := 1; r <= n; r++ {
		for w := 1; w <= n; w++ {
			q := quorum.NWR{N: n, W: quorum.Level(w), R: quorum.Level(r)}
			p, err := Predict(m, q, trials, rnd)
			if err != nil {
				return nil, err
			}
			list = append(list, Choice{q, p})
		}
	}
	return list, nil
}

// Goal is what reads are to be.
type Goal struct {
	Fresh  float64       // with this probability, 0 to 1, a read returns the newest version
	Within time.Duration // when it begins so long after that version's write has ended
}

// Meets reports whether the choice is predicted to meet the goal.
func (c Choice) Meets(g Goal) bool {
	return c.Levels.Fresh() || c.Predicted != nil && c.Predicted.Fresh(g.Within) >= g.Fresh
}

// Advise returns the choice that meets the goal and whose slow operations, a
// write and a read at the 99.9th percentile together, take least; of equal ones
// the first. False means that none meets it, which no list of [Choices] gives.
func Advise(choices []Choice, g Goal) (best Choice, ok bool) {
	cost := func(c Choice) time.Duration { return c.Predicted.Write(.999) + c.Predicted.Read(.999) }
	for _, c := range choices {
		if c.Meets(g) && (!ok || cost(c) < cost(best)) {
			best, ok = c, true
		}
	}
	return best, ok
}

// String tells the choice in one line: how fresh, and how slow.
func (c Choice) String() string {
	p, fresh := c.Predicted, "always fresh"
	if p == nil {
		return fmt.Sprintf("%v: nothing is predicted", c.Levels)
	}
	if !c.Levels.Fresh() {
		fresh = fmt.Sprintf("%.3g %% fresh at once, 99.9 %% after %v", 100*p.Fresh(0), round(p.Visible(.999)))
	}
	return fmt.Sprintf("%v: %s; slowest in a thousand: write %v, read %v", c.Levels, fresh, round(p.Write(.999)), round(p.Read(.999)))
}

// round leaves three digits or so.
func round(d time.Duration) time.Duration {
	for unit := time.Second; unit > time.Microsecond; unit /= 10 {
		if d >= 100*unit {
			return d.Round(unit)
		}
	}
	return d.Round(time.Microsecond)
}
