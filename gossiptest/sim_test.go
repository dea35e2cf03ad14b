package gossiptest

import (
	"testing"
	"time"
)

func storm(seed uint64) Run {
	return Run{Seed: seed, ReadRepair: true, Faults: Faults{
		Loss: 0.05, Duplicate: 0.05, MinDelay: time.Millisecond, MaxDelay: 50 * time.Millisecond,
		Skew: 250 * time.Millisecond, Crash: 3 * time.Second, Pause: 4 * time.Second, Partition: 5 * time.Second, Asymmetric: true,
	}}
}

func TestSim(t *testing.T) {
	for seed := range uint64(50) {
		r := Simulate(storm(seed))
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
		if seed < 5 {
			ok, unk, na := 0, 0, 0
			for _, o := range r.History.Ops {
				switch o.Outcome {
				case Applied:
					ok++
				case Unknown:
					unk++
				default:
					na++
				}
			}
			t.Logf("seed %d: %d ops: %d ok %d unknown %d not applied; %+v %+v took %v", seed, len(r.History.Ops), ok, unk, na, r.Faults, r.Stats, r.Took)
		}
	}
}
