package transport

import (
	"errors"
	"testing"
	"time"

	"github.com/grapevine-go/grapevine/quorum/admit"
)

// A peer that answers nothing gets as many requests that callers wait for as it may
// have, and hears of the others' kind all the same; when it answers there is room
// again.
func TestSilentPeerGetsNoMore(t *testing.T) {
	release := make(chan struct{})
	p := pair(t, func(_ Remote, class Class, _, dst []byte) []byte {
		if class == Foreground {
			<-release
		}
		return dst
	})
	o := newOutcomes()
	for i := range uint64(admit.Start) {
		p.Call(Foreground, nil, time.Time{}, o, i)
	}
	over := new(OverloadError)
	p.Call(Foreground, nil, time.Time{}, o, admit.Start)
	if token, out := o.wait(t); token != admit.Start || !errors.As(out.err, &over) || over.RetryAfter <= 0 || MayHaveArrived(out.err) {
		t.Errorf("call %d: %v", token, out.err)
	}
	if s := p.Stats(); s.Calls != admit.Start || s.Limit != admit.Start || s.Refused != 1 {
		t.Errorf("%+v", s)
	}
	close(release)
	for range admit.Start {
		if token, out := o.wait(t); out.err != nil {
			t.Errorf("call %d: %v", token, out.err)
		}
	}
	if _, err := ask(t, p, Foreground, nil, time.Minute); err != nil {
		t.Error(err)
	}
}

// The limit follows what answers take, and so does the time after which to come
// again.
func TestPaceFollowsAnswers(t *testing.T) {
	var p pace
	p.init()
	now := int64(1)
	window := func(took time.Duration) {
		for range admit.Most {
			if !p.full(now) {
				p.begin()
			} else {
				p.now.Refused++
			}
		}
		for now += int64(admit.Window); p.under > 0; {
			p.end(now, took, true)
		}
	}
	for range 30 {
		window(time.Millisecond)
	}
	quick := p.limit.Most()
	for range 100 {
		window(time.Second)
	}
	if slow := p.limit.Most(); quick <= admit.Start || slow != admit.Floor {
		t.Errorf("the limit is %d where answers take a millisecond, and %d where they take a second", quick, slow)
	}
	if after := p.refusal.RetryAfter.Round(admit.Window); after != admit.MostRetry {
		t.Errorf("retry after %v, where %d in %d are refused", after, admit.Most-admit.Floor, admit.Most)
	}
}
