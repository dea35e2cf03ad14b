package peer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/grapevine-go/grapevine/peer"
)

func Example() {
	id := peer.ID("cache-1")
	first := peer.Boot{Counter: 1, Nonce: 0x2a}
	second := peer.Boot{Counter: 2, Nonce: 0x07} // it came back, with empty memory

	fmt.Println(id.Validate(), first, second.Compare(first) > 0)
	fmt.Println("the same actor:", peer.NewActor(id, first) == peer.NewActor(id, second))
	// Output:
	// <nil> 1.000000000000002a true
	// the same actor: false
}

func TestIDValidate(t *testing.T) {
	for _, id := range []peer.ID{"a", "A.b_c-9", peer.ID(strings.Repeat("x", peer.MaxID))} {
		if err := id.Validate(); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for id, part := range map[peer.ID]string{
		"": "empty", "a b": "' '", "a/b": "'/'", "ä": "at byte 0", "a~1": "'~'", "a\x00": "at byte 1",
		peer.ID(strings.Repeat("x", peer.MaxID+1)): "at most 128",
	} {
		if err := id.Validate(); !errors.Is(err, peer.ErrID) || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v, want an ErrID with %q", id, err, part)
		}
	}
}

func TestBootsAreOrderedByCounterThenNonce(t *testing.T) {
	order := []peer.Boot{{}, {Nonce: 1}, {Counter: 1}, {Counter: 1, Nonce: 1}, {Counter: 2}}
	for i, a := range order {
		for j, b := range order {
			if got, want := a.Compare(b), sign(i-j); got != want {
				t.Errorf("%v compared with %v: %d, want %d", a, b, got, want)
			}
		}
		if a.IsZero() != (i == 0) {
			t.Errorf("%v: IsZero %t", a, a.IsZero())
		}
	}
}

func sign(d int) int { return min(max(d, -1), 1) }

// Whatever differs in the life of a node makes another actor.
func TestActorsDiffer(t *testing.T) {
	seen := make(map[peer.Actor]string)
	for _, id := range []peer.ID{"a", "b", "ab"} {
		for counter := range uint64(3) {
			for nonce := range uint64(3) {
				name := fmt.Sprint(id, counter, nonce)
				a := peer.NewActor(id, peer.Boot{Counter: counter, Nonce: nonce})
				if other := seen[a]; other != "" {
					t.Errorf("%s and %s are both %v", name, other, a)
				}
				seen[a] = name
			}
		}
	}
}
