package swim

import (
	"bytes"
	"errors"
	"slices"

	"github.com/hashicorp/memberlist"
)

// Errors of key rotation. Nothing has changed.
var (
	ErrPlaintext  = errors.New("swim: started without keys")
	ErrKeySize    = errors.New("swim: a key has 16, 24 or 32 bytes")
	ErrUnknownKey = errors.New("swim: the key is not installed")
	ErrPrimaryKey = errors.New("swim: the key encrypts; use another one first")
)

// To rotate a key without a gap: AddKey the new one on every node, then UseKey
// it on every node, then RemoveKey the old one on every node.

// AddKey installs a key for decryption; one that is installed stays as it is.
// The key is copied. Errors: ErrPlaintext, ErrKeySize.
func (s *Swim) AddKey(key []byte) error {
	switch {
	case s.keys == nil:
		return ErrPlaintext
	case memberlist.ValidateKey(key) != nil:
		return ErrKeySize
	}
	s.keyLock.Lock()
	defer s.keyLock.Unlock()
	return s.keys.AddKey(bytes.Clone(key))
}

// UseKey makes an installed key the one that encrypts. Errors: ErrPlaintext,
// ErrUnknownKey.
func (s *Swim) UseKey(key []byte) error {
	if s.keys == nil {
		return ErrPlaintext
	}
	s.keyLock.Lock()
	defer s.keyLock.Unlock()
	if s.keyIndex(key) < 0 {
		return ErrUnknownKey
	}
	return s.keys.UseKey(bytes.Clone(key))
}

// RemoveKey drops an installed key: what it encrypts is refused from now on.
// Errors: ErrPlaintext, ErrUnknownKey, ErrPrimaryKey.
func (s *Swim) RemoveKey(key []byte) error {
	if s.keys == nil {
		return ErrPlaintext
	}
	s.keyLock.Lock()
	defer s.keyLock.Unlock()
	switch s.keyIndex(key) {
	case -1:
		return ErrUnknownKey
	case 0:
		return ErrPrimaryKey
	}
	s.moveLast(key)
	return s.keys.RemoveKey(key)
}

// moveLast moves an installed key behind the others. The keyring removes a key
// by shifting those behind it within the array that readers are looking at;
// there must be none. Until the primary key is in use again, a moment later,
// packets are sealed with another installed one.
func (s *Swim) moveLast(key []byte) {
	keys := slices.Clone(s.keys.GetKeys())
	behind := keys[s.keyIndex(key)+1:]
	if len(behind) == 0 {
		return
	}
	for _, k := range slices.Backward(behind) {
		_ = s.keys.UseKey(k) // it is installed
	}
	_ = s.keys.UseKey(keys[0])
}

// keyIndex gives the place of a key in the ring: 0 encrypts, -1 is none.
func (s *Swim) keyIndex(key []byte) int {
	return slices.IndexFunc(s.keys.GetKeys(), func(k []byte) bool { return bytes.Equal(k, key) })
}

func clones(keys [][]byte) [][]byte {
	out := make([][]byte, len(keys))
	for i, k := range keys {
		out[i] = bytes.Clone(k)
	}
	return out
}
