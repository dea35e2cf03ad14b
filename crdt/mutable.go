package crdt

// Mutable is a [State] that operations are made at. All types of this package
// but [Cell] are.
type Mutable interface {
	State
	// TypeName tells the type and its codecs, "set(string)": two nodes that give
	// a table the same name read each other's bytes alike.
	TypeName() string
	// ApplyBinary makes the operation at this replica: it joins the delta into the
	// state and appends the delta's encoding to dst. Saw is what the operation
	// saw and removed; of an operation that carries what somebody else saw, it is
	// that.
	//
	// The replica must hold all that the mint's actor ever did to this value, as
	// the delta claims that there is nothing between the actor's dot before and
	// this one. The error wraps ErrMint, ErrOperation, or an error of the type,
	// and nothing changed.
	ApplyBinary(m Mint, op Op, dst []byte) (delta []byte, saw Context, err error)
	// JoinChanges is JoinBinary that also appends to dst the encoding of what
	// changed: of the delta, only what the state did not have; nothing if it had
	// all of it. That is what has to travel on.
	JoinChanges(delta, dst []byte) (changes []byte, j Joined, err error)
	// DifferenceBinary appends the encoding of what this state has and the other
	// lacks, which is encoded or an outline; nothing if it lacks nothing. The error
	// wraps ErrCorrupt or ErrVersion.
	DifferenceBinary(other, dst []byte) ([]byte, error)
	// AppendOutline appends the state's outline: what another needs of it for
	// DifferenceBinary, shorter than the state by what the state's dots assert. It
	// appends nothing if the type has no shorter one. An outline is no state:
	// JoinBinary refuses it.
	AppendOutline(dst []byte) []byte
	// AppendVersion appends the canonical encoding in an older version, for a
	// cluster whose members do not all know the newest. The error wraps
	// ErrVersion if the type has no such version. The other methods write the
	// newest; a delta joined into bottom can be written in an older one.
	AppendVersion(dst []byte, version byte) ([]byte, error)
}
