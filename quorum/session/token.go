package session

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
)

// MaxToken is the length of the longest token: it fits a cookie.
const MaxToken = ((maxBody+macSize)*8 + 5) / 6

const (
	maxBody = 11 + 1 + maxTables*(8+32) + 1 + MaxKeys*8 + 1 + 2*MaxKeys*16 + 1 + MaxKeys*(3+8+8+9)
	macSize = 16

	tokenVersion = 1
)

// ErrToken is wrapped when a token is not one that this cluster made, or cannot
// be believed; there is no session then.
var ErrToken = errors.New("session: invalid token")

// Sealer makes tokens and opens them. It is safe for concurrent use.
type Sealer struct{ keys [][]byte }

// NewSealer returns a sealer for the tokens of one cluster. The first key seals,
// all of them open: a new key is first given to all nodes as the last one, then
// as the first, and the old one is taken away when no token of it is in use any
// more. There must be one at least; its bytes are not used themselves.
func NewSealer(cluster string, keys ...[]byte) *Sealer {
	s := new(Sealer)
	for _, k := range keys {
		m := hmac.New(sha256.New, k)
		m.Write([]byte("grapevine session token\x00" + cluster))
		s.keys = append(s.keys, m.Sum(nil))
	}
	return s
}

// mac authenticates a body: HMAC-SHA256, of which the first 16 bytes are used.
func mac(key, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(body)
	return m.Sum(nil)[:macSize]
}

// Token returns what another process needs to go on with the session: at most
// [MaxToken] bytes of base64url, safe in cookies and URLs. It says nothing in
// clear, but it is not secret: who has it can read hashes of keys in it, and go
// on with the session. It is empty if the session has no sealer.
func (s *Session) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seal == nil {
		return ""
	}
	body := s.append(nil)
	return base64.RawURLEncoding.EncodeToString(append(body, mac(s.seal.keys[0], body)...))
}

// Open returns the session of a token. The error wraps [ErrToken]; also
// crdt.ErrSkew if the token holds a time that is further ahead of now than the
// allowed skew: nothing that it says is followed then.
func (s *Sealer) Open(token string, now time.Time, skew time.Duration) (*Session, error) {
	if len(token) > MaxToken {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrToken, len(token), MaxToken)
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(sealed) < macSize || strings.ContainsAny(token, "\r\n") { // which the decoder skips
		return nil, fmt.Errorf("%w: it is no base64url of a token", ErrToken)
	}
	body, tag := sealed[:len(sealed)-macSize], sealed[len(sealed)-macSize:]
	if !slices.ContainsFunc(s.keys, func(k []byte) bool { return hmac.Equal(tag, mac(k, body)) }) {
		return nil, fmt.Errorf("%w: none of this cluster's keys has sealed it", ErrToken)
	}
	session, err := decode(body)
	if err != nil {
		return nil, err
	}
	if latest, limit := session.latest(), crdt.TimeOf(now.Add(skew)); latest.Millis() > limit.Millis() {
		return nil, fmt.Errorf("%w: %w: %d ms beyond what is allowed", ErrToken, crdt.ErrSkew, latest.Millis()-limit.Millis())
	}
	session.seal = s
	return session, nil
}

// latest returns the highest time that the session knows.
func (s *Session) latest() crdt.Time {
	t := s.clock
	for _, k := range s.keys {
		t = max(t, k.v.Latest())
	}
	return t
}

// The body of a token, version 1. Integers are big-endian.
//
//	version 1 | guarantees 1 | flags 1 | clock 8
//	n 1 | n × (table 8, parts 32)               folded
//	n 1 | n × table 8                           the tables of keys
//	n 1 | n × actor 16                          the actors of versions
//	n 1 | n × key                               the oldest first
//	key: flags 1 | table 1 | hash 8 | time 8 | actor 1 | [expiry's time 8, actor 1]
//
// Tables and actors are in the order in which keys refer to them first.
const (
	flagWide = 1 << 0
	flagFull = 1 << 1

	keyFirm   = 1 << 0
	keyLocal  = 1 << 1
	keyExpiry = 1 << 2 // the expiry's stamp follows
	keySame   = 1 << 3 // it is that of the value
)

// index returns the place of v in the list, to which it is added if it is new.
func index[T comparable](list *[]T, v T) byte {
	i := slices.Index(*list, v)
	if i < 0 {
		i = len(*list)
		*list = append(*list, v)
	}
	return byte(i)
}

// append appends the body of the session's token.
func (s *Session) append(dst []byte) []byte {
	var tables []uint64
	var actors []crdt.Actor
	keys := []byte{byte(len(s.keys))}
	for _, k := range s.keys {
		keys = append(keys, k.flags(), index(&tables, k.table))
		keys = binary.BigEndian.AppendUint64(keys, k.hash)
		keys = binary.BigEndian.AppendUint64(keys, uint64(k.v.Value.Time))
		keys = append(keys, index(&actors, k.v.Value.Actor))
		if k.flags()&keyExpiry != 0 {
			keys = binary.BigEndian.AppendUint64(keys, uint64(k.v.Expiry.Time))
			keys = append(keys, index(&actors, k.v.Expiry.Actor))
		}
	}
	dst = append(dst, tokenVersion, byte(s.claims), s.flags())
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.clock))
	dst = append(dst, byte(len(s.folded)))
	for _, f := range s.folded {
		dst = binary.BigEndian.AppendUint64(dst, f.table)
		for _, p := range f.parts {
			dst = binary.BigEndian.AppendUint64(dst, p)
		}
	}
	dst = append(dst, byte(len(tables)))
	for _, t := range tables {
		dst = binary.BigEndian.AppendUint64(dst, t)
	}
	dst = append(dst, byte(len(actors)))
	for _, a := range actors {
		dst = append(dst, a[:]...)
	}
	return append(dst, keys...)
}

func (s *Session) flags() (f byte) {
	if s.wide {
		f |= flagWide
	}
	if s.full {
		f |= flagFull
	}
	return f
}

func (k *key) flags() (f byte) {
	if k.firm {
		f |= keyFirm
	}
	if k.local {
		f |= keyLocal
	}
	switch {
	case k.v.Expiry.IsZero():
	case k.v.Expiry == k.v.Value:
		f |= keySame
	default:
		f |= keyExpiry
	}
	return f
}

// reader takes a body apart; what is missing is zero, and noticed in the end.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.p) {
		r.bad = true
		return make([]byte, n)
	}
	b := r.p[:n]
	r.p = r.p[n:]
	return b
}

func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

// count takes a number of things that are no more than most, and so many bytes
// each at least.
func (r *reader) count(most, size int) int {
	n := int(r.byte())
	if n > most || n*size > len(r.p) {
		r.bad = true
		return 0
	}
	return n
}

// decode takes apart the body of a token, which [Sealer.Open] has found to be
// authentic. Only what Token writes is accepted; the error wraps [ErrToken].
func decode(body []byte) (*Session, error) {
	if len(body) > maxBody {
		return nil, fmt.Errorf("%w: a body of %d bytes, at most %d", ErrToken, len(body), maxBody)
	}
	r := &reader{p: body}
	if v := r.byte(); v != tokenVersion {
		return nil, fmt.Errorf("%w: version %d", ErrToken, v)
	}
	s := &Session{claims: Guarantees(r.byte())}
	flags := r.byte()
	s.wide, s.full = flags&flagWide != 0, flags&flagFull != 0
	s.clock = crdt.Time(r.uint64())
	for range r.count(maxTables, 40) {
		f := fold{table: r.uint64()}
		for i := range f.parts {
			f.parts[i] = r.uint64()
		}
		s.folded = append(s.folded, f)
	}
	s.takeKeys(r)
	if r.bad || len(r.p) > 0 || s.claims&^All != 0 || !s.valid() || !bytes.Equal(s.append(nil), body) {
		return nil, fmt.Errorf("%w: %d bytes that no session has", ErrToken, len(body))
	}
	return s, nil
}

func (s *Session) takeKeys(r *reader) {
	tables := make([]uint64, r.count(MaxKeys, 8))
	for i := range tables {
		tables[i] = r.uint64()
	}
	actors := make([]crdt.Actor, r.count(2*MaxKeys, 16))
	for i := range actors {
		copy(actors[i][:], r.take(16))
	}
	stamp := func() (v crdt.Stamp) {
		v.Time = crdt.Time(r.uint64())
		if i := int(r.byte()); i < len(actors) {
			v.Actor = actors[i]
		} else {
			r.bad = true
		}
		return v
	}
	for range r.count(MaxKeys, 19) {
		flags, i := r.byte(), int(r.byte())
		if i >= len(tables) {
			r.bad = true
			return
		}
		k := key{table: tables[i], hash: r.uint64(), firm: flags&keyFirm != 0, local: flags&keyLocal != 0}
		k.v.Value = stamp()
		switch {
		case flags&keySame != 0:
			k.v.Expiry = k.v.Value
		case flags&keyExpiry != 0:
			k.v.Expiry = stamp()
		}
		s.keys = append(s.keys, k)
	}
}

// valid reports whether the session is one that can come about: no key twice, no
// table folded twice or in no part, no more of each kind than there is room for.
func (s *Session) valid() bool {
	locals := 0
	for i, k := range s.keys {
		if s.find(k.table, k.hash) != i || k.v.IsZero() || k.v.Value.IsZero() {
			return false
		}
		if k.local {
			locals++
		}
	}
	for i, f := range s.folded {
		if f.parts == [4]uint64{} || slices.IndexFunc(s.folded, func(o fold) bool { return o.table == f.table }) != i {
			return false
		}
	}
	return locals <= maxLocal && s.soft() <= maxSoft && !(s.wide && len(s.folded) > 0)
}
