//go:build race

package swim

// raceEnabled: synctest with many timers can crash under the race detector
// (go.dev/issue/76691, fixed in Go 1.27).
const raceEnabled = true
