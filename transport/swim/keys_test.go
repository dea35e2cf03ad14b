package swim

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestKeyRotation(t *testing.T) {
	k1, k2 := []byte(strings.Repeat("1", 16)), []byte(strings.Repeat("2", 32))
	acfg, bcfg := config("a", 1), config("b", 2)
	acfg.Keys, bcfg.Keys = [][]byte{k1}, [][]byte{k1}
	a, b := start(t, acfg), start(t, bcfg)
	join(t, b, a)
	for step, rotate := range []func(*Swim) error{
		func(s *Swim) error { return s.AddKey(k2) },
		func(s *Swim) error { return s.UseKey(k2) },
		func(s *Swim) error { return s.RemoveKey(k1) },
	} {
		for _, s := range []*Swim{a, b} {
			if err := rotate(s); err != nil {
				t.Fatal(step, err)
			}
			join(t, b, a)
			join(t, a, b)
		}
	}
	old := start(t, config("c", 3))
	if _, err := old.Join(t.Context(), a.Self().Addr.String()); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	if states(a) != "a:alive b:alive" || a.keyIndex(k2) != 0 || a.keyIndex(k1) != -1 {
		t.Error(states(a), a.keys.GetKeys())
	}
}

// The keyring shifts keys within the array that readers look at; the race
// detector sees it if a removed key is not the last.
func TestRemoveKeyBesideReaders(t *testing.T) {
	cfg := config("a", 1)
	for i := range 60 {
		cfg.Keys = append(cfg.Keys, fmt.Appendf(nil, "%016d", i))
	}
	a := start(t, cfg)
	reading, stop, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		close(reading)
		for {
			select {
			case <-stop:
				return
			default:
				for _, k := range a.keys.GetKeys() {
					if len(k) != 16 {
						t.Error("torn key", k)
					}
				}
			}
		}
	}()
	<-reading
	for _, k := range cfg.Keys[1:59] {
		if err := a.RemoveKey(k); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	<-done
	if a.keyIndex(cfg.Keys[0]) != 0 || a.keyIndex(cfg.Keys[59]) != 1 || len(a.keys.GetKeys()) != 2 {
		t.Error(a.keys.GetKeys())
	}
}

func TestKeyErrors(t *testing.T) {
	cfg := config("a", 1)
	k1, k2 := []byte(strings.Repeat("1", 16)), []byte(strings.Repeat("2", 24))
	cfg.Keys = [][]byte{k1}
	sealed, plain := start(t, cfg), start(t, config("b", 2))
	for i, c := range []struct{ got, want error }{
		{plain.AddKey(k1), ErrPlaintext},
		{plain.UseKey(k1), ErrPlaintext},
		{plain.RemoveKey(k1), ErrPlaintext},
		{sealed.AddKey(k1[:15]), ErrKeySize},
		{sealed.UseKey(k2), ErrUnknownKey},
		{sealed.RemoveKey(k2), ErrUnknownKey},
		{sealed.RemoveKey(k1), ErrPrimaryKey},
		{sealed.AddKey(k1), nil},
	} {
		if !errors.Is(c.got, c.want) {
			t.Error(i, c.got, c.want)
		}
	}
}
