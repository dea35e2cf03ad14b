package transport

// Class says how urgent a message is. Classes are ordered: the first is sent
// and served first, and shed last.
type Class uint8

// The classes, most urgent first. Control and Foreground requests that fit one
// frame are served inline on the connection's reading goroutine; the others on
// one worker per connection.
const (
	Control    Class = iota // ring state, membership, answers that others wait for
	Foreground              // a user waits for it
	Rebalance               // partitions that change hands
	Hint                    // replayed hints
	Sync                    // the filling of an owner that came back empty, anti-entropy
	Repair                  // read repair in the background
	Scrub                   // verification that nobody waits for

	numClasses
)

var classNames = [numClasses]string{"control", "foreground", "rebalance", "hint", "sync", "repair", "scrub"}

// String gives the class in lower case, as it appears in logs and metrics.
func (c Class) String() string {
	if c < numClasses {
		return classNames[c]
	}
	return "unknown"
}

// inline reports whether small requests of this class are served by the
// goroutine that read them.
func (c Class) inline() bool { return c <= Foreground }
