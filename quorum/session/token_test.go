package session

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/crdt"
)

// fullest is the session with the longest token.
func fullest() *Session {
	s := New(All, sealer)
	for i := range uint64(maxTables) {
		s.fold(1000+i, i<<60)
	}
	for i := range MaxKeys {
		k := key{table: uint64(i), hash: uint64(i), firm: i >= maxSoft, v: at(i)}
		k.v.Value.Actor, k.v.Expiry = crdt.Actor{1, byte(i)}, crdt.Stamp{Time: at(i).Value.Time, Actor: crdt.Actor{2, byte(i)}}
		s.keys = append(s.keys, k)
	}
	s.clock = at(100).Value.Time
	return s
}

func TestTokenIsBounded(t *testing.T) {
	token := fullest().Token()
	if len(token) > MaxToken || len(token) < MaxToken || MaxToken > 3800 {
		t.Errorf("%d bytes, at most %d", len(token), MaxToken)
	}
	if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Error("not fit for a cookie:", token)
	}
	s := New(All, sealer)
	s.Wrote(carts, 1, at(1), true)
	t.Logf("%d bytes at most, %d of one key, %d of none", MaxToken, len(s.Token()), len(New(All, sealer).Token()))
	if New(All, nil).Token() != "" {
		t.Error("a token without a seal")
	}
}

func TestTokenRoundTrip(t *testing.T) {
	for what, s := range map[string]*Session{"nothing": New(MonotonicReads, sealer), "all": fullest(), "wide": {claims: All, seal: sealer, wide: true, full: true}} {
		token := s.Token()
		again, err := sealer.Open(token, now, time.Second)
		if err != nil || again.Token() != token || again.claims != s.claims || again.wide != s.wide {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	old, both, fresh := NewSealer("c", []byte("1")), NewSealer("c", []byte("2"), []byte("1")), NewSealer("c", []byte("2"))
	of := func(s *Sealer) string { return New(All, s).Token() }
	for _, tc := range []struct {
		by    *Sealer
		token string
		ok    bool
	}{{both, of(old), true}, {both, of(both), true}, {fresh, of(both), true}, {fresh, of(old), false}, {old, of(fresh), false}, {NewSealer("d", []byte("1")), of(old), false}} {
		if _, err := tc.by.Open(tc.token, now, time.Second); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrToken) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

// Nothing but what was sealed is opened, and nothing of the future is followed.
func TestTokensAreHostile(t *testing.T) {
	token := fullest().Token()
	for i := range len(token) {
		other := byte('A')
		if token[i] == other {
			other = 'B'
		}
		if _, err := sealer.Open(token[:i]+string(other)+token[i+1:], now, time.Second); !errors.Is(err, ErrToken) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := sealer.Open(token[:i], now, time.Second); !errors.Is(err, ErrToken) {
			t.Fatalf("%d bytes: %v", i, err)
		}
	}
	short := New(All, sealer).Token()
	for _, bad := range []string{short + "\n", "\r\n" + short, short[:1] + "\n" + short[1:]} {
		if _, err := sealer.Open(bad, now, time.Second); !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for what, bad := range map[string]string{"empty": "", "longer": token + "AAAA", "padded": token + "=", "spaced": token + "\n", "other alphabet": strings.Repeat("+/", 50)} {
		if _, err := sealer.Open(bad, now, time.Second); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, tc := range []struct {
		ahead time.Duration
		ok    bool
	}{{0, true}, {time.Second, true}, {time.Second + time.Millisecond, false}, {1e6 * time.Hour, false}} {
		ahead := crdt.Stamp{Time: crdt.TimeOf(now.Add(tc.ahead))}
		for what, do := range map[string]func(s *Session){
			"a clock":    func(s *Session) { s.clock = ahead.Time },
			"a value":    func(s *Session) { s.Wrote(carts, 1, Version{Value: ahead}, true) },
			"an expiry":  func(s *Session) { s.Wrote(carts, 1, Version{Value: at(1).Value, Expiry: ahead}, true) },
			"in the end": func(s *Session) { s.clock = ahead.Time | 0xffff },
		} {
			s := New(ReadYourWrites, sealer)
			do(s)
			if _, err := sealer.Open(s.Token(), now, time.Second); (err == nil) != tc.ok || err != nil && !errors.Is(err, crdt.ErrSkew) {
				t.Errorf("%s %v ahead: %v", what, tc.ahead, err)
			}
		}
	}
}

// Who has the key cannot bring about what does not come about.
func TestImpossibleSessions(t *testing.T) {
	for what, spoil := range map[string]func(s *Session){
		"a guarantee there is not": func(s *Session) { s.claims |= 1 << 5 },
		"a key twice":              func(s *Session) { s.keys[1] = s.keys[0] },
		"too many soft":            func(s *Session) { s.keys[maxSoft].firm = false },
		"too many local": func(s *Session) {
			for i := range s.keys {
				s.keys[i].local = true
			}
		},
		"a version of nothing": func(s *Session) { s.keys[0].v = Version{} },
		"a table twice":        func(s *Session) { s.folded[1].table = s.folded[0].table },
		"a fold of nothing":    func(s *Session) { s.folded[0].parts = [4]uint64{} },
		"folded twice":         func(s *Session) { s.wide = true },
	} {
		s := fullest()
		if spoil(s); what != "" {
			if _, err := decode(s.append(nil)); !errors.Is(err, ErrToken) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	body := fullest().append(nil)
	if _, err := decode(append(body, 0)); !errors.Is(err, ErrToken) {
		t.Errorf("a byte more: %v", err)
	}
}

func FuzzSession(f *testing.F) {
	f.Add(New(0, nil).append(nil))
	f.Add(fullest().append(nil))
	f.Add(fullest().append(nil)[:100])
	f.Fuzz(func(t *testing.T, p []byte) {
		s, err := decode(p)
		if err != nil {
			if !errors.Is(err, ErrToken) {
				t.Error(err)
			}
			return
		}
		if got := s.append(nil); string(got) != string(p) {
			t.Errorf("encoded again: %x, was %x", got, p)
		}
		for i := range uint64(100) { // it works like any other
			s.Wrote(carts, i<<56, at(int(i)), true)
		}
		if keys, _ := s.Len(); keys > MaxKeys {
			t.Errorf("%d keys", keys)
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add(New(All, sealer).Token())
	f.Add(fullest().Token())
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, 40)))
	f.Fuzz(func(t *testing.T, token string) {
		s, err := sealer.Open(token, now, time.Second)
		if err != nil {
			if !errors.Is(err, ErrToken) {
				t.Error(err)
			}
			return
		}
		if s.Token() != token {
			t.Errorf("%q is sealed as %q", token, s.Token())
		}
	})
}

func BenchmarkToken(b *testing.B) {
	s := fullest()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealer.Open(s.Token(), now, time.Second); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	s := fullest()
	b.ReportAllocs()
	for b.Loop() {
		n, err := s.Read(Table{ID: 5}, 5)
		if err != nil {
			b.Fatal(err)
		}
		s.Saw(Table{ID: 5}, 5, n, at(5), true)
	}
}
