package antientropy

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/grapevine-go/grapevine/peer"
)

// ScheduleConfig is how a [Schedule] is made.
type ScheduleConfig struct {
	// Interval is the mean time from one round to the next, above zero.
	Interval time.Duration
	// Calm is how many times as long the interval may become: it doubles with
	// each round that finds nothing, and is back at once when one finds something.
	// From 1 (the zero value stands for it: always the same) to 1024.
	Calm int
	// Spread is the exponent a of Demers' spatial distributions (section 3.1):
	// the i-th partner in the order of the distance is chosen with a probability
	// proportional to i^-a, averaged over partners of one distance. 0, uniform,
	// spreads fastest; 2 keeps almost all traffic near. 0 to 4.
	Spread float64
	// Limit is how many rounds this side begins that may be under way at once,
	// the connection limit of section 1.4; 1 by default, at most 1024.
	Limit int
	// Hunt is how many others are tried, one after the other, when the partner
	// of a round has no room for it. 0 to 1024.
	Hunt int
	// Rand draws partners and spreads rounds in time.
	Rand *rand.Rand
}

// Partner is somebody to compare with.
type Partner struct {
	ID peer.ID
	// Distance is how far away it is, in any unit; only the order counts.
	Distance int
}

// Schedule says whom to compare with, and when. A round is drawn from all
// partners: by distance ([ScheduleConfig.Spread]), by how long ago the last
// round with each went through, and by how many keys are known to differ from
// it. Some are not drawn but due at once: see [Schedule.Hurry].
//
// Its caller asks [Schedule.Next] until there is nobody, has each round carried
// out, and says with one of [Schedule.Equal], [Schedule.Differ],
// [Schedule.Busy] and [Schedule.Fail] how it ended.
//
// A Schedule is a machine without clock or I/O, for one caller at a time.
type Schedule struct {
	cfg      ScheduleConfig
	partners []partner // in the order of distance and id
	near     []float64 // their weights by distance alone
	weights  []float64 // memory of draw
	next     time.Time // when the next round is drawn
	calm     time.Duration
	running  int
	drawn    time.Time // when the last round was drawn that was not urgent
	tries    int       // how many others may be tried in its place
	hunting  bool      // one of them is to be tried
}

// partner is what is known of one partner.
type partner struct {
	Partner
	compared time.Time // the last round that went through
	tried    time.Time // the last round that began
	differ   float64   // keys, as far as is known
	urgent   bool
	running  bool
}

// NewSchedule returns a schedule without partners, whose first round is drawn
// within an interval from now. The error wraps [ErrConfig] and names the field.
func NewSchedule(cfg ScheduleConfig, now time.Time) (*Schedule, error) {
	cfg.Calm, cfg.Limit = max(cfg.Calm, 1), max(cfg.Limit, 1)
	switch {
	case cfg.Interval <= 0:
		return nil, fmt.Errorf("%w: Interval: %v is not above zero", ErrConfig, cfg.Interval)
	case cfg.Calm > 1024:
		return nil, fmt.Errorf("%w: Calm: %d is more than 1024", ErrConfig, cfg.Calm)
	case !(cfg.Spread >= 0 && cfg.Spread <= 4):
		return nil, fmt.Errorf("%w: Spread: %v is not from 0 to 4", ErrConfig, cfg.Spread)
	case cfg.Limit > 1024:
		return nil, fmt.Errorf("%w: Limit: %d is more than 1024", ErrConfig, cfg.Limit)
	case cfg.Hunt < 0 || cfg.Hunt > 1024:
		return nil, fmt.Errorf("%w: Hunt: %d is not from 0 to 1024", ErrConfig, cfg.Hunt)
	case cfg.Rand == nil:
		return nil, fmt.Errorf("%w: Rand is nil", ErrConfig)
	}
	s := &Schedule{cfg: cfg, calm: cfg.Interval}
	s.next = now.Add(s.jitter() / 2)
	return s, nil
}

// jitter spreads the present interval over half to one and a half of it.
func (s *Schedule) jitter() time.Duration {
	return s.calm/2 + time.Duration(s.cfg.Rand.Int64N(int64(s.calm)+1))
}

// SetPartners says who there is. What is known of those who stay is kept; the
// rounds of those who go have ended. A new partner counts as compared now.
func (s *Schedule) SetPartners(now time.Time, list []Partner) {
	fresh := make([]partner, 0, len(list))
	s.running = 0
	for _, p := range list {
		q := partner{compared: now}
		if i := s.index(p.ID); i >= 0 {
			q = s.partners[i]
		}
		if q.Partner = p; q.running {
			s.running++
		}
		fresh = append(fresh, q)
	}
	slices.SortFunc(fresh, func(a, b partner) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
	})
	s.partners, s.near = fresh, s.byDistance(fresh)
}

func (s *Schedule) index(id peer.ID) int {
	return slices.IndexFunc(s.partners, func(p partner) bool { return p.ID == id })
}

// Hurry makes a round with a partner due at once: it has just come, or come
// back; or something meant for it was lost. Until a round with it has gone
// through it is tried again, at most four times an interval.
func (s *Schedule) Hurry(id peer.ID) {
	if i := s.index(id); i >= 0 {
		s.partners[i].urgent = true
	}
}

// Next returns a partner with whom to begin a round now; false if nobody is
// due, or as many rounds are under way as may be.
func (s *Schedule) Next(now time.Time) (peer.ID, bool) {
	if s.running >= s.cfg.Limit {
		return "", false
	}
	i := s.urgent(now)
	switch {
	case i >= 0:
	case s.hunting:
		i = s.draw(now)
		s.hunting = false
	case !now.Before(s.next):
		s.next = now.Add(s.jitter())
		s.drawn, s.tries = now, s.cfg.Hunt
		i = s.draw(now)
	}
	if i < 0 {
		return "", false
	}
	p := &s.partners[i]
	p.running, p.tried = true, now
	s.running++
	return p.ID, true
}

// urgent returns who is due at once, and has waited longest for a round.
func (s *Schedule) urgent(now time.Time) (best int) {
	best = -1
	for i := range s.partners {
		p := &s.partners[i]
		if p.urgent && !p.running && !now.Before(s.again(p)) && (best < 0 || p.tried.Before(s.partners[best].tried)) {
			best = i
		}
	}
	return best
}

// again is when an urgent partner may be tried.
func (s *Schedule) again(p *partner) time.Time {
	if p.tried.IsZero() {
		return p.tried
	}
	return p.tried.Add(s.cfg.Interval / 4)
}

// draw draws one of the partners that have no round under way.
func (s *Schedule) draw(now time.Time) int {
	weights, total := append(s.weights[:0], s.near...), 0.0
	s.weights = weights
	for i := range s.partners {
		p := &s.partners[i]
		age := max(now.Sub(p.compared), 0).Seconds() / s.cfg.Interval.Seconds()
		weights[i] *= 1 + age + math.Log2(1+p.differ)
		if p.running || s.hunting && !p.tried.Before(s.drawn) { // not whom this hunt has tried
			weights[i] = 0
		}
		total += weights[i]
	}
	x, last := s.cfg.Rand.Float64()*total, -1
	for i, w := range weights {
		if w > 0 {
			if last = i; x < w {
				break
			}
			x -= w
		}
	}
	return last
}

// byDistance returns the weights of partners by distance alone.
func (s *Schedule) byDistance(partners []partner) []float64 {
	weights := make([]float64, len(partners))
	for from := 0; from < len(weights); {
		to, sum := from, 0.0
		for ; to < len(weights) && partners[to].Distance == partners[from].Distance; to++ {
			sum += math.Pow(float64(to+1), -s.cfg.Spread)
		}
		for i := from; i < to; i++ {
			weights[i] = sum / float64(to-from)
		}
		from = to
	}
	return weights
}

// Deadline returns when Next may return somebody although nothing else has
// happened; false while it is a round's end that is waited for.
func (s *Schedule) Deadline() (at time.Time, ok bool) {
	if len(s.partners) == 0 || s.running >= s.cfg.Limit || s.running == len(s.partners) {
		return time.Time{}, false
	}
	if at = s.next; s.hunting {
		at = s.drawn
	}
	for i := range s.partners {
		p := &s.partners[i]
		if t := s.again(p); p.urgent && !p.running && t.Before(at) {
			at = t
		}
	}
	return at, true
}

// end ends a round; nil if there is none with this partner.
func (s *Schedule) end(id peer.ID) *partner {
	i := s.index(id)
	if i < 0 || !s.partners[i].running {
		return nil
	}
	s.partners[i].running = false
	s.running--
	return &s.partners[i]
}

// Equal ends a round that found nothing.
func (s *Schedule) Equal(now time.Time, id peer.ID) {
	if p := s.end(id); p != nil {
		p.compared, p.differ, p.urgent = now, 0, false
		s.calm = min(2*s.calm, time.Duration(s.cfg.Calm)*s.cfg.Interval)
	}
}

// Differ ends a round that found differences, of which so many keys are left:
// 0 if all were resolved. With some left, the next round with this partner is
// due at once.
func (s *Schedule) Differ(now time.Time, id peer.ID, left float64) {
	if p := s.end(id); p != nil {
		p.compared, p.differ, p.urgent = now, max(left, 0), left > 0
		s.wake(now)
	}
}

// wake ends the calm.
func (s *Schedule) wake(now time.Time) {
	s.calm = s.cfg.Interval
	if soon := now.Add(s.jitter()); soon.Before(s.next) {
		s.next = soon
	}
}

// Busy ends a round for which the partner had no room: another is tried in its
// place, at once.
func (s *Schedule) Busy(id peer.ID) {
	if p := s.end(id); p != nil && !p.urgent && s.tries > 0 {
		s.tries--
		s.hunting = true
	}
}

// Fail ends a round that broke off. What it has found by then is known to
// differ.
func (s *Schedule) Fail(id peer.ID, found float64) {
	if p := s.end(id); p != nil {
		p.differ = max(p.differ, found)
	}
}
