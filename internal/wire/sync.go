package wire

// MaxFrames is how many frames a turn of a session has at most.
const MaxFrames = 1 << 10

// maxSyncFrame is the greatest length of a frame in bytes, that of package
// antientropy.
const maxSyncFrame = 1 << 16

// syncFields is how many elements the body of a turn has.
const syncFields = 2

// AppendSync appends a whole request with a turn of a session of anti-entropy,
// which the header's operation id names: the turn's number, from 0, and its
// frames.
func AppendSync(dst []byte, h *Header, turn uint64, frames [][]byte) []byte {
	return appendFrames(appendUint(AppendHeader(dst, h, syncFields), turn), frames)
}

// AppendSyncReply appends a whole reply to a turn: its number, and the frames of
// the other side's.
func AppendSyncReply(dst []byte, h *ReplyHeader, turn uint64, frames [][]byte) []byte {
	return appendFrames(appendUint(AppendReply(dst, h, syncFields), turn), frames)
}

func appendFrames(dst []byte, frames [][]byte) []byte {
	dst = appendArray(dst, len(frames))
	for _, f := range frames {
		dst = appendBytes(dst, f)
	}
	return dst
}

// Sync takes the body of a turn. The frames refer to the request.
func (q *Request) Sync() (turn uint64, frames [][]byte, err error) { return q.r.sync(q.body) }

// Sync takes the body of a reply to a turn. The frames refer to the reply.
func (a *Reply) Sync() (turn uint64, frames [][]byte, err error) { return a.r.sync(a.body) }

// minFrame is the shortest encoding of a frame.
const minFrame = 2

func (r *reader) sync(fields int) (turn uint64, frames [][]byte, err error) {
	r.elements(fields, syncFields)
	turn = r.uint()
	n := r.array(min(MaxFrames, len(r.p)/minFrame))
	if n > 0 {
		frames = make([][]byte, n)
	}
	for i := range frames {
		frames[i] = r.bytes(maxSyncFrame)
	}
	if err := r.end(); err != nil {
		return 0, nil, err
	}
	return turn, frames, nil
}
