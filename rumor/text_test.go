package rumor

import (
	"encoding"
	"errors"
	"testing"
)

// FuzzText reads names: what is read is written the same, and nothing else is
// read.
func FuzzText(f *testing.F) {
	for _, s := range []string{"push", "pull", "push-pull", "counter", "coin", "median-counter", "random", "structured", "", "Mode(9)"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, v := range []interface {
			encoding.TextMarshaler
			UnmarshalText([]byte) error
		}{new(Mode), new(Stop), new(Targets)} {
			if err := v.UnmarshalText(text); err != nil {
				if !errors.Is(err, ErrPolicy) {
					t.Error(err)
				}
				continue
			}
			if again, _ := v.MarshalText(); string(again) != string(text) {
				t.Errorf("%q became %q", text, again)
			}
		}
	})
}
