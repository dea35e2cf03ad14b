package replica

import "slices"

// lacks are, by key, what the other side of a session lacks of a state of which it
// has sent its own: of a large set a few elements, with the dots that tell which are
// gone. Where there is no more room the whole state is sent.
type lacks struct {
	of    map[string][]byte
	bytes int
}

// mostLacks is how many bytes of them are kept.
const mostLacks = 8 << 20

func (l *lacks) put(m met) {
	if len(m.lack) == 0 || l.bytes+len(m.key)+len(m.lack) > mostLacks {
		return
	}
	if l.of == nil {
		l.of = make(map[string][]byte)
	}
	l.of[string(m.key)] = slices.Clip(m.lack)
	l.bytes += len(m.key) + len(m.lack)
}
