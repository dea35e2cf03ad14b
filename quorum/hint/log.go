package hint

import "github.com/grapevine-go/grapevine/peer"

// Log keeps records by target and number. What it returns must not be changed,
// and it keeps what it is given; each number is put once, but for a record that
// replaces another. It is called by one at a time.
type Log interface {
	// Put stores a record. On an error nothing is stored; the hint is dropped.
	Put(target peer.ID, id uint64, record []byte) error
	// Get returns a record, nil if there is none.
	Get(target peer.ID, id uint64) []byte
	// Remove forgets a record; it may be none.
	Remove(target peer.ID, id uint64)
}

// Memory is a Log in memory. The zero Memory is empty.
type Memory struct{ records map[place][]byte }

type place struct {
	target peer.ID
	id     uint64
}

// Put implements [Log]. It never fails.
func (m *Memory) Put(target peer.ID, id uint64, record []byte) error {
	if m.records == nil {
		m.records = make(map[place][]byte)
	}
	m.records[place{target, id}] = record
	return nil
}

// Get implements [Log].
func (m *Memory) Get(target peer.ID, id uint64) []byte { return m.records[place{target, id}] }

// Remove implements [Log].
func (m *Memory) Remove(target peer.ID, id uint64) { delete(m.records, place{target, id}) }
