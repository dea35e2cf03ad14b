package crdt

import (
	"fmt"
	"strings"
)

// OpKind says what an operation does. Each type knows some of them.
type OpKind uint8

// The kinds of operations. Arg, Amount, To and Sub are fields of [Op].
const (
	OpAdd       OpKind = iota + 1 // sets: add the element Arg
	OpRemove                      // sets: remove the element Arg; maps: the key Arg, or To
	OpReset                       // every causal type: remove all that was seen
	OpEnable                      // flags
	OpDisable                     // flags
	OpWrite                       // registers, and maps of them under the key To: the value Arg, to expire at Amount
	OpIncrement                   // counters: by Amount, which may be negative
	OpTransfer                    // bounded counters: Amount rights to the actor To
	OpUpdate                      // maps: the operation Sub at the value of the key Arg
	OpInsert                      // lists: the element Arg at the position To
	OpExpire                      // registers, and maps of them under the key To: at Amount
	opEnd
)

// Op is an operation as a value: what is to be done, apart from where and when.
// It has a codec, so that it can be sent to the replica that makes it. The
// types have methods that make operations of themselves; an Op is not changed
// once it is made.
type Op struct {
	Kind   OpKind
	Arg    string // an encoded element, value or key
	To     string // see the kinds
	Amount int64
	// Seen, if not nil, is what a remove, a reset or a write replaces, instead of
	// what the replica that makes it sees: the context of somebody who read. The
	// delta claims all of it, so it is believed; who takes operations from
	// clients must be sure that they did not make it up. One that saw what
	// the actor of its mint has not done yet gives ErrOperation.
	Seen *Context
	Sub  *Op
}

// maxOpDepth bounds how deep operations on maps in maps are nested.
const maxOpDepth = 8

const (
	opVersion = 1

	opHasTo     = 1 << 0
	opHasAmount = 1 << 1
	opHasSeen   = 1 << 2
	opHasSub    = 1 << 3
	opFlags     = 1<<4 - 1
)

// AppendBinary appends the encoding, which docs/crdt.md draws.
func (o Op) AppendBinary(dst []byte) []byte { return o.append(append(dst, opVersion)) }

func (o Op) append(dst []byte) []byte {
	var flags byte
	for i, has := range []bool{o.To != "", o.Amount != 0, o.Seen != nil, o.Sub != nil} {
		if has {
			flags |= 1 << i
		}
	}
	dst = appendString(append(dst, byte(o.Kind), flags), o.Arg)
	if flags&opHasTo != 0 {
		dst = appendString(dst, o.To)
	}
	if flags&opHasAmount != 0 {
		dst = appendUvarint(dst, zigzag(o.Amount))
	}
	if flags&opHasSeen != 0 {
		dst = o.Seen.AppendBinary(dst)
	}
	if flags&opHasSub != 0 {
		dst = o.Sub.append(dst)
	}
	return dst
}

// DecodeOp decodes an operation. The error wraps [ErrCorrupt] or [ErrVersion].
// Whether a type knows the operation shows when it is made.
func DecodeOp(p []byte) (Op, error) {
	r := reader{p: string(p)}
	if v := r.byte(); v != opVersion && !r.bad {
		return Op{}, fmt.Errorf("%w: operation version %d", ErrVersion, v)
	}
	o := r.op(maxOpDepth)
	if err := r.end("operation"); err != nil {
		return Op{}, err
	}
	o.detach(len(p))
	return o, nil
}

// detach copies the strings that values will keep out of the encoding.
func (o *Op) detach(size int) {
	for ; o != nil; o = o.Sub {
		if worthwhile(len(o.Arg), size) {
			o.Arg = strings.Clone(o.Arg)
		}
	}
}

func (r *reader) op(depth int) Op {
	o := Op{Kind: OpKind(r.byte())}
	flags := r.byte()
	o.Arg = r.string()
	if o.Kind == 0 || o.Kind >= opEnd || flags&^opFlags != 0 || depth == 0 {
		r.bad = true
	}
	if flags&opHasTo != 0 {
		o.To = r.string()
		r.bad = r.bad || o.To == ""
	}
	if flags&opHasAmount != 0 {
		o.Amount = unzigzag(r.uvarint())
		r.bad = r.bad || o.Amount == 0
	}
	if flags&opHasSeen != 0 && !r.bad {
		seen := r.context()
		o.Seen = &seen
	}
	if flags&opHasSub != 0 && !r.bad {
		sub := r.op(depth - 1)
		o.Sub = &sub
	}
	return o
}

// seen returns what the operation carries that somebody saw, nil if nothing.
func (o *Op) seen() *Context {
	for ; o != nil; o = o.Sub {
		if o.Seen != nil {
			return o.Seen
		}
	}
	return nil
}

func (o Op) unknown(what string) error {
	return fmt.Errorf("%w: kind %d at a %s", ErrOperation, o.Kind, what)
}

func (o Op) malformed(what string) error {
	return fmt.Errorf("%w: %q is no %s", ErrOperation, o.Arg, what)
}

func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
