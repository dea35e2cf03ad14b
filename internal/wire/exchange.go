package wire

import (
	"encoding/binary"

	"github.com/grapevine-go/grapevine/crdt"
)

// Page asks for the entries of a partition with From <= hash <= To that the
// sender lacks. Known lists what the sender has in that range.
type Page struct {
	From, To uint64
	Limit    uint32 // bytes of entries after which the receiver ends the page
	Keys     bool   // keys and how they look to a reader, no states: for scans
	Known    Known
}

// Known is a list of (key hash, the first half of the entry's fingerprint), 16
// bytes each, in the order of the hash.
type Known []byte

const knownSize = 16

// Append adds an entry, in the order of the hash.
func (k Known) Append(hash uint64, f crdt.Fingerprint) Known {
	k = binary.BigEndian.AppendUint64(k, hash)
	return append(k, f[:8]...)
}

// Len returns the number of entries.
func (k Known) Len() int { return len(k) / knownSize }

// Skip drops the entries below hash and reports whether one of the next, of
// this hash, has the fingerprint.
func (k *Known) Skip(hash uint64, f crdt.Fingerprint) (known bool) {
	for len(*k) > 0 && binary.BigEndian.Uint64(*k) < hash {
		*k = (*k)[knownSize:]
	}
	for at := *k; len(at) > 0 && binary.BigEndian.Uint64(at) == hash; at = at[knownSize:] {
		if [8]byte(at[8:knownSize]) == [8]byte(f[:8]) {
			return true
		}
	}
	return false
}

// AppendPage appends a whole page request.
func AppendPage(dst []byte, h *Header, p *Page) []byte {
	dst = AppendHeader(dst, h, 5)
	dst = appendUint(appendUint(dst, p.From), p.To)
	dst = appendBool(appendUint(dst, uint64(p.Limit)), p.Keys)
	return appendBytes(dst, p.Known)
}

// Page takes the body of a page request.
func (q *Request) Page() (p Page, err error) {
	q.r.elements(q.body, 5)
	p.From, p.To = q.r.uint(), q.r.uint()
	p.Limit = uint32(q.r.uintMax(1<<32 - 1))
	p.Keys = q.r.bool()
	p.Known = q.r.bytes(MaxPage * knownSize)
	if len(p.Known)%knownSize != 0 || p.From > p.To {
		q.r.fail("page")
	}
	return p, q.r.end()
}

// Entries is the body of a reply to a page request, or of a transfer, under
// construction: it appends to a message whose head it completes at the end.
type Entries struct {
	dst   []byte
	start int
	n     int
}

// pageHead is the room for what [Entries.End] fills in: an array header of
// five bytes.
const pageHead = 5

// BeginEntries begins the entries of a page after the reply's header. The head
// of the body ([Entries.End] completes it) is: next hash, done, entries.
func BeginEntries(dst []byte, h *ReplyHeader) *Entries {
	return beginEntries(AppendReply(dst, h, entriesFields))
}

// BeginTransfer begins a request that brings entries, and asks for others: its
// head is from which hash on, whether it asks for none, entries.
func BeginTransfer(dst []byte, h *Header) *Entries {
	return beginEntries(AppendHeader(dst, h, entriesFields))
}

const entriesFields = 3

func beginEntries(dst []byte) *Entries {
	e := &Entries{start: len(dst)}
	// next (9 bytes), done (1 byte) and the array's head (5 bytes) come last in
	// time but first in place: keep their room.
	e.dst = append(dst, make([]byte, 9+1+pageHead)...)
	return e
}

// Add appends an entry: its key, and either its state or, for scans and for
// what is held back, nothing.
func (e *Entries) Add(key []byte, state crdt.State) {
	e.n++
	e.dst = appendString(appendArray(e.dst, 2), key)
	if state == nil {
		e.dst = appendBinHeader(e.dst, 0)
		return
	}
	// The state's length is known once it is appended; keep room for a head of
	// five bytes.
	at := len(e.dst)
	e.dst = state.AppendBinary(append(e.dst, 0xc6, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(e.dst[at+1:], uint32(len(e.dst)-at-5))
}

// AddEncoded appends an entry whose state, or what of it the other side lacks, is
// encoded already, or the outline of which asks for it.
func (e *Entries) AddEncoded(key, state []byte) {
	e.n++
	e.dst = appendBytes(appendString(appendArray(e.dst, 2), key), state)
}

// AddDelta appends an entry whose state the other side has outlined: what it lacks
// of the one here, which may be nothing, and the outline of that.
func (e *Entries) AddDelta(key, delta, outline []byte) {
	e.n++
	e.dst = appendBytes(appendBytes(appendString(appendArray(e.dst, 3), key), delta), outline)
}

// Size returns how many bytes the entries take so far.
func (e *Entries) Size() int { return len(e.dst) - e.start }

// Len returns the number of entries so far.
func (e *Entries) Len() int { return e.n }

// End completes the page: the hash to go on from, and whether the range was
// covered to its end.
func (e *Entries) End(next uint64, done bool) []byte {
	head := e.dst[e.start:]
	head[0] = 0xcf
	binary.BigEndian.PutUint64(head[1:], next)
	appendBool(head[:9], done)
	head[10] = 0xdd
	binary.BigEndian.PutUint32(head[11:], uint32(e.n))
	return e.dst
}

// EntryList is the body of a reply to a page request, and of a transfer in both
// directions. In a request that asks for entries are outlines of what its sender
// has of them, in the order of the hash; the page ends with the last of these.
type EntryList struct {
	Next uint64 // of a request: from which hash on entries are asked for
	Done bool   // of a request: none are asked for
	n    int
	r    reader
}

// Entries takes the body of a reply to a page request. The list refers to the
// reply.
func (a *Reply) Entries() (l EntryList, err error) { return a.r.entries(a.body) }

// Transfer takes the body of a request that brings entries and asks for others.
// The list refers to the request.
func (q *Request) Transfer() (l EntryList, err error) { return q.r.entries(q.body) }

func (r *reader) entries(fields int) (l EntryList, err error) {
	r.elements(fields, entriesFields)
	l.Next = r.uint()
	l.Done = r.bool()
	l.n = r.array(MaxPage)
	l.r = *r
	check := l
	for check.Take() {
	}
	return l, check.r.end()
}

// Len returns how many entries are left.
func (l *EntryList) Len() int { return l.n }

// Entry is one of a list.
type Entry struct {
	Key     []byte
	State   []byte // encoded, or what of it is lacked; in a request that asks for entries, its outline
	Outline []byte // of a state of which State is what was lacked; empty if State is all of it
}

// Take reports whether there is another entry.
func (l *EntryList) Take() bool {
	_, ok := l.Entry()
	return ok
}

// Entry takes the next entry; false at the end.
func (l *EntryList) Entry() (e Entry, ok bool) {
	if l.n == 0 || l.r.err != nil {
		return e, false
	}
	l.n--
	parts := l.r.array(3)
	if parts < 3 {
		l.r.elements(parts, 2)
	}
	e.Key, e.State = l.r.bytes(MaxKey), l.r.bytes(MaxState)
	if parts == 3 {
		if e.Outline = l.r.bytes(MaxState); len(e.Outline) == 0 {
			l.r.fail("empty outline")
		}
	}
	return e, l.r.err == nil
}
