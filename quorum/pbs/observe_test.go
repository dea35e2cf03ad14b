package pbs

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/quorum"
)

// TestTrips: the latest are kept, and each way is half of one.
func TestTrips(t *testing.T) {
	var trips Trips
	for i := range MaxTrips + 10 {
		trips.Add(time.Duration(i) * 2)
	}
	trips.Add(-time.Second)
	if trips.Len() != MaxTrips {
		t.Fatalf("%d remembered", trips.Len())
	}
	delay := trips.delay()
	trips.Add(time.Hour) // is not drawn: the model has a copy
	seen := make(map[time.Duration]bool)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 40 * MaxTrips {
		seen[delay(rnd)] = true
	}
	for i := range time.Duration(MaxTrips + 10) {
		if want := i > 10; i > 0 && seen[i] != want {
			t.Errorf("round trip %d: drawn %t", i, seen[i])
		}
	}
	if !seen[0] || seen[time.Hour/2] {
		t.Error("a negative round trip is none, and what came later is drawn")
	}
}

// TestFew: a read that asks one replica, any of them, has a chance that can be
// counted where a write arrives at once or never.
func TestFew(t *testing.T) {
	instant, slow := Measured([]time.Duration{0}), Measured([]time.Duration{0, time.Hour, time.Hour})
	m := Model{W: slow, A: instant, R: instant, S: instant, Few: true}
	p := predict(t, m, 3, 1, 1, 100_000)
	// Of the trials in which somebody is told at once, a third of the replicas
	// are; in the others, 8 of 27, all are when the write ends.
	want := 0.0
	for told, ways := range []float64{8, 12, 6, 1} {
		fresh := float64(told) / 3
		if told == 0 {
			fresh = 1
		}
		want += ways / 27 * fresh
	}
	if got := p.Fresh(0); math.Abs(got-want) > .01 {
		t.Errorf("%.3f fresh at once, should be %.3f", got, want)
	}
}

// TestTruth puts ages into their classes.
func TestTruth(t *testing.T) {
	var truth Truth
	for i, bound := range AgeBounds {
		truth.Add(bound, i%2 == 0)
	}
	truth.Add(time.Hour, true)
	for i, s := range truth {
		if stale := uint64(1 - i%2); s.Reads != 1 || i < len(AgeBounds) && s.Stale != stale {
			t.Errorf("class %d: %+v", i, s)
		}
	}
	if got := truth.Total(); got.Reads != uint64(len(truth)) || got.Stale != 6 {
		t.Errorf("total %+v", got)
	}
}

// TestAdvise: the cheapest choice that meets the goal, held against all.
func TestAdvise(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	choices, err := Choices(LinkedInDisk, 3, 20_000, rnd)
	if err != nil {
		t.Fatal(err)
	}
	if len(choices) != 9 {
		t.Fatalf("%d choices", len(choices))
	}
	for _, g := range []Goal{{.4, 0}, {.9, 10 * time.Millisecond}, {.999, 20 * time.Millisecond}, {1, 0}} {
		best, ok := Advise(choices, g)
		if !ok || !best.Meets(g) {
			t.Errorf("%v: %v, %t", g, best, ok)
		}
		for _, c := range choices {
			if c.Meets(g) && c.Predicted.Write(.999)+c.Predicted.Read(.999) < best.Predicted.Write(.999)+best.Predicted.Read(.999) {
				t.Errorf("%v: %v would do, and takes less than %v", g, c, best)
			}
		}
	}
	if best, _ := Advise(choices, Goal{1, 0}); !best.Levels.Fresh() {
		t.Errorf("always fresh, by %v", best)
	}
	if easy, _ := Advise(choices, Goal{.3, time.Second}); easy.Levels != (quorum.NWR{N: 3, W: 1, R: 1}) {
		t.Errorf("hardly any goal, by %v", easy)
	}
	if _, ok := Advise(nil, Goal{}); ok {
		t.Error("a choice of none")
	}
	if _, err := Choices(LinkedInSSD, 0, 1, rnd); err == nil {
		t.Error("no owners")
	}
}
