package wire

import (
	"encoding/binary"

	"github.com/grapevine-go/grapevine/rumor"
)

// A rumor of a table's key is named by the table and the key in one string:
// the eight bytes of the hash of the table's specification, and the key.
const rumorTable = 8

// RumorKey names a key of a table as rumors do.
func RumorKey(table uint64, key []byte) string {
	b := make([]byte, rumorTable, rumorTable+len(key))
	binary.BigEndian.PutUint64(b, table)
	return string(append(b, key...))
}

// SplitRumorKey is the inverse of [RumorKey]; false for what is no such name.
func SplitRumorKey(name string) (table uint64, key string, ok bool) {
	if len(name) <= rumorTable {
		return 0, "", false
	}
	for i := range rumorTable {
		table = table<<8 | uint64(name[i])
	}
	return table, name[rumorTable:], true
}

// maxRumors is how many entries each list of a rumor message has.
const maxRumors = 1 << 12

// rumorFields is how many elements a rumor message has.
const rumorFields = 5

// AppendRumors appends a whole request that carries rumors.
func AppendRumors(dst []byte, h *Header, m *rumor.Message) []byte {
	return appendRumors(AppendHeader(dst, h, rumorFields), m)
}

// AppendRumorReply appends a whole reply to a request that carries rumors.
func AppendRumorReply(dst []byte, h *ReplyHeader, m *rumor.Message) []byte {
	return appendRumors(AppendReply(dst, h, rumorFields), m)
}

func appendRumors(dst []byte, m *rumor.Message) []byte {
	var flags uint64
	for i, set := range [...]bool{m.Contact, m.Pull, m.Reject} {
		if set {
			flags |= 1 << i
		}
	}
	dst = appendArray(appendUint(dst, flags), len(m.Rumors))
	for i := range m.Rumors {
		r := &m.Rumors[i]
		dst = appendUint(appendString(appendArray(dst, 7), r.Key), r.Version)
		dst = appendUint(appendUint(dst, uint64(r.Salt)), uint64(max(r.K, 0)))
		dst = appendUint(dst, uint64(max(r.Count, 0)))
		dst = appendBytes(appendUint(dst, uint64(r.Hops)), r.Body)
	}
	dst = appendRefs(appendRefs(dst, m.Have), m.Want)
	dst = appendArray(dst, len(m.Acks))
	for i := range m.Acks {
		a := &m.Acks[i]
		dst = appendUint(appendString(appendArray(dst, 4), a.Key), a.Version)
		dst = appendUint(appendBool(dst, a.Needed), uint64(int(a.Count)+1))
	}
	return dst
}

func appendRefs(dst []byte, refs []rumor.Ref) []byte {
	dst = appendArray(dst, len(refs))
	for i := range refs {
		dst = appendUint(appendString(appendArray(dst, 2), refs[i].Key), refs[i].Version)
	}
	return dst
}

// Rumors takes the body of a request that carries rumors. The bodies of the
// rumors refer to the request, the keys do not.
func (q *Request) Rumors() (rumor.Message, error) { return q.r.rumors(q.body) }

// Rumors takes the body of a reply to a request that carries rumors, as
// [Request.Rumors] does.
func (a *Reply) Rumors() (rumor.Message, error) { return a.r.rumors(a.body) }

// The shortest encodings of an entry of each list: what bounds how many there
// can be before any memory is taken for them.
const (
	minRumor = 10
	minRef   = 4
	minAck   = 6
)

// rumors takes them from a copy of the reader: the list's functions as values
// make their reader escape, and requests of every other kind would with it.
func (r *reader) rumors(fields int) (rumor.Message, error) {
	c := *r
	return c.lists(fields)
}

func (r *reader) lists(fields int) (m rumor.Message, err error) {
	r.elements(fields, rumorFields)
	flags := r.uintMax(7)
	m.Contact, m.Pull, m.Reject = flags&1 != 0, flags&2 != 0, flags&4 != 0
	m.Rumors = takeList(r, minRumor, (*reader).rumor)
	m.Have = takeList(r, minRef, (*reader).ref)
	m.Want = takeList(r, minRef, (*reader).ref)
	m.Acks = takeList(r, minAck, (*reader).ack)
	if err := r.end(); err != nil {
		return rumor.Message{}, err
	}
	return m, nil
}

// takeList takes an array whose elements have at least so many bytes.
func takeList[T any](r *reader, least int, take func(*reader) T) (list []T) {
	n := r.array(min(maxRumors, len(r.p)/least))
	if n > 0 {
		list = make([]T, n)
	}
	for i := range list {
		list[i] = take(r)
	}
	return list
}

func (r *reader) rumor() (u rumor.Rumor) {
	r.elements(r.array(7), 7)
	u.Key, u.Version = r.name(), r.uint()
	u.Salt, u.K, u.Count = uint32(r.uintMax(1<<32-1)), int16(r.uintMax(1<<15-1)), int16(r.uintMax(1<<15-1))
	u.Hops, u.Body = uint8(r.uintMax(255)), r.bytes(MaxState)
	return u
}

func (r *reader) ref() (f rumor.Ref) {
	r.pair()
	f.Key, f.Version = r.name(), r.uint()
	return f
}

func (r *reader) ack() (a rumor.Ack) {
	r.elements(r.array(4), 4)
	a.Key, a.Version, a.Needed = r.name(), r.uint(), r.bool()
	a.Count = int16(int(r.uintMax(1<<15)) - 1)
	return a
}

func (r *reader) name() string { return string(r.bytes(MaxKey + rumorTable)) }
