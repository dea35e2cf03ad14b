package crdt

// Dotted is a dotted version vector (Preguiça et al., "Dotted Version Vectors:
// Logical Clocks for Optimistic Replication", 2010): the version of one write,
// as its own dot and what its writer had seen. Two writes through the same
// server stay apart, where version vectors alone would order them.
type Dotted struct {
	Dot  Dot
	Seen Context // without the dot
}

// Compare returns how v lies to o: before it if o's writer had seen v. It takes
// one look-up, whatever the number of actors.
func (v Dotted) Compare(o Dotted) Order {
	return orderOf(v.Dot == o.Dot || o.Seen.Contains(v.Dot), v.Dot == o.Dot || v.Seen.Contains(o.Dot))
}

// normal leaves the dot out of what was seen, so that a version has one form.
func (v Dotted) normal() Dotted {
	if v.Seen.Contains(v.Dot) {
		dot := ContextOf(v.Dot)
		v.Seen = v.Seen.Without(dot)
	}
	return v
}

// Context returns what the writer had seen and the write itself.
func (v Dotted) Context() Context {
	c := v.Seen
	c.Add(v.Dot)
	return c
}

// AppendBinary appends the canonical encoding: the dot, then the context.
func (v Dotted) AppendBinary(dst []byte) []byte {
	return v.normal().Seen.AppendBinary(appendDot(dst, v.Dot))
}

// DecodeDotted decodes a dotted version vector. Only canonical encodings are
// accepted; the error wraps [ErrCorrupt].
func DecodeDotted(p []byte) (Dotted, error) {
	r := reader{p: string(p)}
	v := Dotted{Dot: r.dot(), Seen: r.context()}
	r.bad = r.bad || v.Seen.Contains(v.Dot)
	if err := r.end("dotted version vector"); err != nil {
		return Dotted{}, err
	}
	return v, nil
}
