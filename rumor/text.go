package rumor

import "fmt"

// MarshalText gives what String does.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads a mode as String gives it. An error, which wraps
// [ErrPolicy], leaves it as it was.
func (m *Mode) UnmarshalText(text []byte) error { return read(m, text, Push, Pull, PushPull) }

// MarshalText gives what String does.
func (s Stop) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a rule as String gives it. An error, which wraps
// [ErrPolicy], leaves it as it was.
func (s *Stop) UnmarshalText(text []byte) error { return read(s, text, Counter, Coin, MedianCounter) }

// MarshalText gives what String does.
func (t Targets) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a choice as String gives it. An error, which wraps
// [ErrPolicy], leaves it as it was.
func (t *Targets) UnmarshalText(text []byte) error {
	return read(t, text, Random, Structured, Tree, Mail)
}

// read finds the value whose name is the text.
func read[T fmt.Stringer](to *T, text []byte, values ...T) error {
	for _, v := range values {
		if v.String() == string(text) {
			*to = v
			return nil
		}
	}
	return fmt.Errorf("%w: %.20q is none of %v", ErrPolicy, text, values)
}
