// Package ring leaves names without a word.
package ring

type Token uint64 // want "Token is not documented"

// A Member is documented, with its article.
type Member struct{ Name string }

// Place gives
func Placement() {} // want "does not begin with its name"

// Places is not Place.
func Place() {} // want "does not begin with its name"

func Owners() {} // want "Owners is not documented"

func owners() {}

func (Member) Weight() {} // want "Member.Weight is not documented"

func (*List[T]) Len() {} // want "List.Len is not documented"

func (*hidden) Len() {}

// List is generic.
type List[T any] []T

type hidden struct{}

// Limits of a ring.
const (
	MaxWeight = 3
	MinWeight = 1
)

const (
	Good = 1 // at the end of its line
	// Fair is above its line.
	Fair = 2
	// want+2 "Bad is not documented"

	Bad = 3
)

// want+2 "ErrNone is not documented"

var ErrNone error

type (
	// Zone is documented in a group.
	Zone string
	Rack string // want "Rack is not documented"
)

// Source has methods, each with its contract.
type Source interface {
	// Next gives the next.
	Next()
	// want+2 "Source.Close is not documented"

	Close()
}

// Config is decided about by users, field by field.
type Config struct {
	// want+2 "Config.N is not" want+2 "Config.M is not"

	N, M int
	// W and Zone are documented.
	W    int
	Zone string
	// want+2 "Config.Zones is not"

	Zones int
	R     int `json:"r"` // documented at the end of its line
	x     int
}
