package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
)

// assembly is a large message on its way in.
type assembly struct {
	stream   uint64
	class    Class
	total    int
	deadline int64
	pieces   []*[pieceSize]byte
	got      int  // bytes in pieces
	granted  int  // bytes the sender was allowed so far
	dropped  bool // nobody wants it any more
}

// assembler bounds the memory that a connection's large messages may take. A
// message is admitted with its whole size, so that those admitted can always
// be completed; the others wait for their first credit and hold nothing. All
// calls are made under the lock of the outbox.
type assembler struct {
	out      *outbox
	limit    int
	reserved int
	waiting  []*assembly
}

// open admits a message that was announced, or lets it wait.
func (a *assembler) open(m *assembly) {
	a.waiting = append(a.waiting, m)
	a.admit()
}

// admit lets in those that wait while there is room, the most urgent and oldest
// first; one that does not fit is not overtaken by a smaller one.
func (a *assembler) admit() {
	for len(a.waiting) > 0 {
		best := 0
		for i, m := range a.waiting {
			if m.class < a.waiting[best].class {
				best = i
			}
		}
		m := a.waiting[best]
		if a.reserved+m.total > a.limit {
			return
		}
		a.waiting = append(a.waiting[:best], a.waiting[best+1:]...)
		a.reserved += m.total
		a.grant(m)
	}
}

// grant keeps the sender's credit at streamAhead, in steps of at least half.
func (a *assembler) grant(m *assembly) {
	n := min(m.total, m.got+streamAhead) - m.granted
	if n == 0 || n < streamAhead/2 && m.granted+n < m.total {
		return
	}
	m.granted += n
	var credit [4]byte
	binary.BigEndian.PutUint32(credit[:], uint32(n))
	a.out.pushAs(Control, kindWindow, m.class, m.stream, nil, credit[:])
	a.out.kick()
}

// release gives back what a message reserved, after it was used or dropped.
func (a *assembler) release(m *assembly) {
	for i, w := range a.waiting {
		if w == m {
			a.waiting = append(a.waiting[:i], a.waiting[i+1:]...)
			a.admit()
			return
		}
	}
	a.reserved -= m.total
	a.admit()
}

// add keeps a chunk. Only the reading goroutine does, without a lock: memory is
// taken as bytes arrive, in pieces, so that it never waits for one large
// allocation or copy.
func (m *assembly) add(chunk []byte) error {
	if m.got+len(chunk) > m.granted {
		return fmt.Errorf("%w: %d bytes of a message where %d were granted", ErrProtocol, m.got+len(chunk), m.granted)
	}
	for len(chunk) > 0 {
		at := m.got % pieceSize
		if at == 0 {
			m.pieces = append(m.pieces, pieces.Get().(*[pieceSize]byte))
		}
		n := copy(m.pieces[len(m.pieces)-1][at:], chunk)
		chunk = chunk[n:]
		m.got += n
	}
	return nil
}

func (m *assembly) complete() bool { return m.got == m.total }

// join gives the whole message and ends the assembly. It is not for the reading
// goroutine: a large message takes milliseconds.
func (m *assembly) join() []byte {
	parts := make([][]byte, len(m.pieces))
	for i, p := range m.pieces {
		parts[i] = p[:min(pieceSize, m.total-i*pieceSize)]
	}
	whole := bytes.Join(parts, nil)
	for _, p := range m.pieces {
		pieces.Put(p)
	}
	m.pieces = nil
	return whole
}

const pieceSize = 64 << 10

var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}
