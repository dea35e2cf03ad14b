package server

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Table is the replicated table behind a [Server]. Its methods are called from
// many goroutines at once. They keep no reference to a value's bytes after they
// return, end when ctx does, and may return an [*Error] to choose the error
// code that the client sees.
type Table interface {
	// Get returns the entry of a key; Found is false if there is none.
	Get(ctx context.Context, key string) (Entry, error)
	// Put sets a value; it is hidden from expireAt on, or never if that is the
	// zero time.
	Put(ctx context.Context, key string, value []byte, expireAt time.Time) error
	// Expire changes when the present value is hidden; the zero time is never.
	Expire(ctx context.Context, key string, at time.Time) (found bool, err error)
	// GetMany, PutMany and DeleteMany work on several different keys at the
	// same time and leave each one's result in its element.
	GetMany(ctx context.Context, reads []Read)
	PutMany(ctx context.Context, writes []Write)
	DeleteMany(ctx context.Context, deletes []Write) // of a Write, only the key
	// Scan returns about limit keys from cursor on, and the cursor of what
	// follows. It begins and ends with cursor 0. A cursor is good at any node.
	Scan(ctx context.Context, cursor uint64, limit int) (keys []string, next uint64, err error)
	// Len counts the keys.
	Len(ctx context.Context) (int, error)
}

// Entry is what a [Table] holds for a key.
type Entry struct {
	Value     []byte // must not be changed
	Found     bool
	ExpiresAt time.Time // zero: never
}

// Read is one key of [Table.GetMany] and its result.
type Read struct {
	Key string
	Entry
	Err error
}

// Write is one key of [Table.PutMany] or DeleteMany and its result.
type Write struct {
	Key      string
	Value    []byte
	ExpireAt time.Time // zero: never
	Err      error
}

// Status is what a node says of itself, for INFO.
type Status struct {
	Node           string
	Boot           string
	Ready          bool
	Synced         bool
	Members        int
	Owners         int    // owners that every key has
	OwnersAlive    int    // how many of them are believed alive, of the key that has the fewest
	OwnersNeeded   int    // how many a command on a key needs
	Missing        string // why some commands cannot be carried out; empty if all can
	RingVersion    string
	UnsyncedTables []string
	LocalKeys      int      // keys with a value that this node keeps
	Known          []string // a line for each member that is known
}

// Error is an error with the code that Redis clients tell errors apart by, the
// first word of the reply: "TRYAGAIN", "CLUSTERDOWN", …
type Error struct {
	Code string
	Err  error
}

// Error gives the code and the error behind it.
func (e *Error) Error() string { return e.Code + " " + e.Err.Error() }

// Unwrap gives the error behind the code.
func (e *Error) Unwrap() error { return e.Err }

// codeOf gives the code of an error and the error without it.
func codeOf(err error) (code string, rest error) {
	var coded *Error
	switch {
	case errors.As(err, &coded):
		return coded.Code, coded.Err
	case errors.Is(err, context.DeadlineExceeded):
		return "TIMEOUT", err
	}
	return "ERR", err
}

// replyText is the error as a client sees it.
func replyText(err error) string {
	code, rest := codeOf(err)
	return code + " " + rest.Error()
}

// partly says that a command failed for some of its keys, with the first error.
func partly(first error, failed, total int) error {
	code, rest := codeOf(first)
	return &Error{Code: code, Err: fmt.Errorf("%d of %d keys failed, the others succeeded; the first: %w", failed, total, rest)}
}
