package quorum

import "fmt"

// FateKind is what became of an operation.
type FateKind uint8

// The fates.
const (
	// Present: an owner has it, or has seen it and gone on from there.
	Present FateKind = iota
	// Superseded: no owner that answered has it, and one has something newer in its
	// place. Whether it was ever there is not to be known. Of registers alone.
	Superseded
	// Absent: no owner that answered has it. A copy that is still under way may
	// arrive later.
	Absent
	// Forgotten: an owner was to make it, and that life of the owner has ended, or
	// does not remember it any more.
	Forgotten
)

// String names the fate.
func (k FateKind) String() string {
	return [...]string{"present", "superseded", "absent", "forgotten"}[min(k, Forgotten)]
}

// Fate is what the owners of a key say of an operation. Owners that do not count
// anywhere gave no answer, or have not been filled and do not have it.
type Fate struct {
	Kind    FateKind
	Present int // owners that have it
	Newer   int // owners that have something newer in its place
	Absent  int // owners that do not have it
	Owners  int // that the key has
}

// String gives "present (2 have it, 1 newer, 0 absent, of 3 owners)".
func (f Fate) String() string {
	return fmt.Sprintf("%v (%d have it, %d newer, %d absent, of %d owners)", f.Kind, f.Present, f.Newer, f.Absent, f.Owners)
}

// Judge sets the kind by what was counted.
func (f *Fate) Judge() {
	switch {
	case f.Present > 0:
		f.Kind = Present
	case f.Newer > 0:
		f.Kind = Superseded
	default:
		f.Kind = Absent
	}
}
