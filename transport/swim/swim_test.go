package swim

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/grapevine-go/grapevine/peer"
)

func TestMembersSeeEachOther(t *testing.T) {
	acfg := config("a", 1)
	acfg.tune = brisk
	acfg.Zone, acfg.Weight, acfg.Versions = "north", 7, Versions{1, 3}
	acfg.Data = netip.MustParseAddrPort("0.0.0.0:7947")
	a, b := start(t, acfg), start(t, config("b", 2))
	join(t, b, a)

	want := Member{
		ID: "a", Boot: peer.Boot{Counter: 1, Nonce: 1}, Addr: a.tr.listenAddr(),
		Data: netip.MustParseAddrPort("127.0.0.1:7947"),
		Zone: "north", Weight: 7, Versions: Versions{1, 3},
	}
	got, ok := b.Member("a")
	opts := []cmp.Option{cmpopts.IgnoreFields(Member{}, "RTT"), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })}
	if diff := cmp.Diff(want, got, opts...); diff != "" || !ok {
		t.Error(ok, diff)
	}
	if diff := cmp.Diff(want, a.Self(), opts...); diff != "" {
		t.Error(diff)
	}
	eventually(t, "a knows b", func() bool { return states(a) == "a:alive b:alive" })
	eventually(t, "a measures b", func() bool { m, _ := a.Member("b"); return m.RTT > 0 })
	if _, ok := a.Member("c"); ok {
		t.Error("a knows a member that does not exist")
	}
}

func TestLeaveIsSeenAsLeft(t *testing.T) {
	acfg, ccfg := config("a", 1), config("c", 3)
	ea, ec := watch(&acfg), watch(&ccfg)
	a, b, c := start(t, acfg), start(t, config("b", 2)), start(t, ccfg)
	join(t, b, a)
	join(t, c, a)
	ec.want(t, Join, "b")
	if err := b.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := ea.want(t, Leave, "b"); m.State != Left {
		t.Error(m)
	}
	ec.want(t, Leave, "b")
	if err := errors.Join(b.Leave(t.Context()), b.Close()); err != nil {
		t.Error("again:", err)
	}
	if got := states(a); got != "a:alive b:left c:alive" {
		t.Error(got)
	}
	for what, err := range map[string]error{
		"Update": b.Update("x", 1), "SetCounter": b.SetCounter(9), "Leave": b.Leave(t.Context()),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	if _, err := b.Join(t.Context()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestAfterLeave(t *testing.T) {
	a := start(t, config("a", 1))
	if err := a.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.Self().State; got != Left {
		t.Error(got)
	}
	if err := a.Update("x", 1); !errors.Is(err, ErrLeft) {
		t.Error(err)
	}
	if _, err := a.Join(t.Context(), "127.0.0.1:1"); !errors.Is(err, ErrLeft) {
		t.Error(err)
	}
	if err := a.Leave(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLeaveObeysContext(t *testing.T) {
	acfg := config("a", 1)
	ea := watch(&acfg)
	a, b := start(t, acfg), start(t, config("b", 2))
	join(t, b, a)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Leave(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ea.want(t, Join, "b")
	ea.want(t, Leave, "b") // the goodbye was under way
}

func TestCrashIsSeenAsFailure(t *testing.T) {
	acfg := config("a", 1)
	acfg.tune = brisk
	ea := watch(&acfg)
	a, b := start(t, acfg), start(t, config("b", 2))
	join(t, b, a)
	ea.want(t, Join, "b")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b is suspect or dead", func() bool { m, _ := a.Member("b"); return m.State != Alive })
	if m := ea.want(t, Fail, "b"); m.State != Dead {
		t.Error(m)
	}
	if got := states(a); got != "a:alive b:dead" {
		t.Error(got)
	}
}

// A restarted node comes back under the same id and address while the others
// still believe its last life alive.
func TestRestartBeforeTheFailureIsNoticed(t *testing.T) {
	acfg := config("a", 1)
	ea := watch(&acfg)
	a, b := start(t, acfg), start(t, config("b", 2))
	join(t, b, a)
	ea.want(t, Join, "b")
	addr := b.Self().Addr
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	bcfg := config("b", 1) // the smaller nonce: the counter decides
	bcfg.Boot.Counter, bcfg.Bind = 2, addr.String()
	bcfg.OnReplaced = func(m Member) { t.Errorf("replaced by its own last life %v", m) }
	b2 := start(t, bcfg)
	join(t, b2, a)
	if m := ea.want(t, Join, "b"); m.Boot != bcfg.Boot || m.State != Alive {
		t.Error(m)
	}
	if got := states(a); got != "a:alive b:alive" {
		t.Error(got)
	}
	if got := b2.Self().Boot; got != bcfg.Boot {
		t.Error(got)
	}
}

// A node that does not know its counter yet shows once its last life is gone,
// and at once when it has learned the counter.
func TestCounterLearnedAfterStart(t *testing.T) {
	acfg := config("a", 1)
	ea := watch(&acfg)
	a := start(t, acfg)
	bcfg := config("b", 2)
	bcfg.Boot.Counter = 5
	b := start(t, bcfg)
	join(t, b, a)
	ea.want(t, Join, "b")
	_ = b.Close()
	bcfg = config("b", 3)
	bcfg.Boot.Counter = 0
	bcfg.OnReplaced = func(m Member) { t.Errorf("replaced by %v", m) }
	b2 := start(t, bcfg)
	join(t, b2, a)
	if err := b2.SetCounter(6); err != nil {
		t.Fatal(err)
	}
	if m := ea.want(t, Join, "b"); m.Boot != (peer.Boot{Counter: 6, Nonce: 3}) {
		t.Error(m)
	}
	if err := b2.SetCounter(4); err != nil || b2.Self().Boot.Counter != 6 {
		t.Error(err, b2.Self())
	}
}

// Of two live boots of an id the older is told, and only that.
func TestReplaced(t *testing.T) {
	a := start(t, config("a", 1))
	older, newer := config("b", 9), config("b", 8)
	newer.Boot.Counter = 2
	told := make(chan Member, 16)
	older.OnReplaced = func(m Member) { told <- m }
	newer.OnReplaced = func(m Member) { t.Errorf("the newer was told of %v", m) }
	b1, b2 := start(t, older), start(t, newer)
	join(t, b1, a)
	join(t, b2, a)
	select {
	case m := <-told:
		if m.Boot != newer.Boot {
			t.Error(m)
		}
	case <-time.After(patience):
		t.Fatal("the older boot was not told")
	}
}

// Of two live boots of an id each finds the other, whichever is older. One that
// is only believed alive is none.
func TestRivalAnswers(t *testing.T) {
	a := start(t, config("a", 1))
	older, newer := config("b", 9), config("b", 8)
	newer.Boot.Counter = 2
	b1 := start(t, older)
	if m, ok := b1.Rival(); ok {
		t.Error("nobody has the name yet, but there is", m)
	}
	join(t, b1, a)
	b2 := start(t, newer)
	join(t, b2, a)
	join(t, b1, b2)
	for _, c := range []struct{ asked, want *Swim }{{b1, b2}, {b2, b1}} {
		for tries := 0; ; tries++ { // a busy machine answers late
			if m, ok := c.asked.Rival(); ok && m.Addr == c.want.Self().Addr {
				break
			}
			if tries == 100 {
				t.Fatalf("%v does not find %v", c.asked.Self().Boot, c.want.Self().Boot)
			}
		}
	}
	_ = b1.Close()
	if _, believed := b2.dir.believedRival(); !believed {
		t.Skip("its end was noticed too soon for this test")
	}
	if m, ok := b2.Rival(); ok {
		t.Error("the dead is found:", m)
	}
	_ = b2.Close()
	if m, ok := b2.Rival(); ok {
		t.Error("a closed node finds", m)
	}
}

func TestUpdate(t *testing.T) {
	acfg := config("a", 1)
	ea := watch(&acfg)
	a, b := start(t, acfg), start(t, config("b", 2))
	join(t, b, a)
	ea.want(t, Join, "b")
	if err := b.Update("south", 3); err != nil {
		t.Fatal(err)
	}
	if m := ea.want(t, Update, "b"); m.Zone != "south" || m.Weight != 3 {
		t.Error(m)
	}
	var field *FieldError
	if err := b.Update(strings.Repeat("x", MaxZone+1), 1); !errors.As(err, &field) || field.Field != "Zone" {
		t.Error(err)
	}
	if got := b.Self(); got.Zone != "south" || got.Weight != 3 {
		t.Error(got)
	}
}

// Any call is allowed in a callback, Close too.
func TestCallsFromCallback(t *testing.T) {
	var b *Swim
	ready, done := make(chan struct{}), make(chan error, 1)
	bcfg := config("b", 2)
	bcfg.OnEvent = func(ev Event) {
		<-ready
		_, joinErr := b.Join(context.Background(), ev.Member.Addr.String())
		err := errors.Join(joinErr, b.Update("z", 1), b.SetCounter(3), b.Leave(context.Background()))
		if len(b.Members()) != 2 || b.Self().State != Left || b.Stats().Refused != 0 {
			err = errors.Join(err, errors.New(states(b)))
		}
		select {
		case done <- errors.Join(err, b.Close()):
		default:
		}
	}
	a := start(t, config("a", 1))
	b = start(t, bcfg)
	close(ready)
	join(t, a, b)
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("deadlock")
	}
}

func TestAddressForms(t *testing.T) {
	for _, bind := range []string{"[::1]:0", "localhost:0", ":0", "0.0.0.0:0", "[::]:0"} {
		t.Run(bind, func(t *testing.T) {
			cfg := config("a", 1)
			cfg.Bind, cfg.tune = bind, brisk
			if !strings.Contains(bind, "1") && !strings.Contains(bind, "local") {
				cfg.Advertise = "localhost:0" // the machine may have no private address
			}
			a, err := Start(cfg)
			if err != nil && strings.Contains(bind, ":1]") && !hasIPv6() {
				t.Skip("no IPv6 loopback:", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			bcfg := config("b", 2)
			bcfg.Bind, bcfg.tune = bind, brisk
			bcfg.Advertise = cfg.Advertise
			b := start(t, bcfg)
			join(t, b, a)
			eventually(t, "they are two", func() bool { return states(a) == "a:alive b:alive" })
			eventually(t, "packets get through", func() bool { m, _ := a.Member("b"); return m.RTT > 0 })
		})
	}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		_ = l.Close()
	}
	return err == nil
}

func TestBusyPort(t *testing.T) {
	a := start(t, config("a", 1))
	cfg := config("b", 2)
	cfg.Bind = a.Self().Addr.String()
	_, err := Start(cfg)
	var field *FieldError
	if !errors.As(err, &field) || field.Field != "Bind" || !strings.Contains(err.Error(), cfg.Bind) {
		t.Error(err)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v does not wrap EADDRINUSE", err)
	}
}

func TestNameWithoutAddress(t *testing.T) {
	cfg := config("a", 1)
	cfg.Advertise = "no-such-host.invalid:1"
	_, err := Start(cfg)
	var field *FieldError
	if !errors.As(err, &field) || field.Field != "Advertise" {
		t.Error(err)
	}
}
