package session

import "github.com/grapevine-go/grapevine/crdt"

// Version is what a session has of a key: a register's value by its stamp, and
// the expiry that belongs to it. The zero Version is covered by everything.
type Version struct {
	Value  crdt.Stamp
	Expiry crdt.Stamp // of the expiry that was set for this value; zero: none is known
}

// VersionOf returns the version that a cell is, also a delta: an expiry alone
// is a version of the value that it was set for.
func VersionOf(c crdt.Cell) Version {
	v := Version{Value: c.Value.Stamp}
	if c.Expiry.For.Compare(v.Value) > 0 {
		v.Value = c.Expiry.For
	}
	if c.Expiry.For == v.Value {
		v.Expiry = c.Expiry.Stamp
	}
	return v
}

// IsZero reports whether v is no version.
func (v Version) IsZero() bool { return v == Version{} }

// Compare orders versions: by the value, and those of one value by its expiry.
func (v Version) Compare(o Version) int {
	if c := v.Value.Compare(o.Value); c != 0 {
		return c
	}
	return v.Expiry.Compare(o.Expiry)
}

// Latest returns the highest time in the version.
func (v Version) Latest() crdt.Time { return max(v.Value.Time, v.Expiry.Time) }

// register is a state that is a register.
type register interface{ Cell() crdt.Cell }

// CoveredBy reports whether a state holds the version or a newer one. A state
// that is no register covers no version but the zero one.
func (v Version) CoveredBy(s crdt.State) bool {
	if v.IsZero() {
		return true
	}
	r, ok := s.(register)
	if !ok {
		return false
	}
	c := r.Cell()
	return Version{Value: c.Value.Stamp, Expiry: expiryOf(c)}.Compare(v) >= 0
}

// expiryOf is the stamp of the expiry that hides the cell's value. One for a
// value that has not arrived covers every expiry of the present value.
func expiryOf(c crdt.Cell) crdt.Stamp {
	switch {
	case c.Expiry.For == c.Value.Stamp:
		return c.Expiry.Stamp
	case c.Expiry.For.Compare(c.Value.Stamp) > 0:
		return highest
	}
	return crdt.Stamp{}
}

// highest is above every stamp.
var highest = func() (s crdt.Stamp) {
	s.Time = ^crdt.Time(0)
	for i := range s.Actor {
		s.Actor[i] = 0xff
	}
	return s
}()
