package crdt

import "strings"

// keeper copies strings out of an encoding that they are cut from, so that what
// is left of it after years does not keep all of it in memory. It puts them
// together, as one allocation each would be too many, but into pieces so small
// that one that stays keeps no more than a KiB of others.
type keeper struct {
	left  int // bytes that are still to come, for the size of the last piece
	piece strings.Builder
}

const keeperPiece = 1 << 10

// worthwhile reports whether strings of so many bytes should be copied out of an
// encoding: not if it is small, and holds little besides.
func worthwhile(bytes, encoding int) bool {
	return encoding > keeperPiece || 2*bytes+32 < encoding
}

func (k *keeper) keep(s string) string {
	if k.piece.Cap()-k.piece.Len() < len(s) {
		k.piece.Reset()
		k.piece.Grow(max(len(s), min(k.left, keeperPiece)))
	}
	k.left -= len(s)
	at := k.piece.Len()
	k.piece.WriteString(s)
	return k.piece.String()[at:]
}
