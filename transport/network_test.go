package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// memPair gives the two ends of a connection in memory.
func memPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	network := NewNetwork()
	l, err := network.Listen("here")
	if err != nil {
		t.Fatal(err)
	}
	if near, err = network.Dial(context.Background(), "here"); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close(); l.Close() })
	return near, far
}

func TestNetworkCarriesAStream(t *testing.T) {
	near, far := memPair(t)
	want := make([]byte, 5*memBuffer+1) // more than fits: writing waits for reading
	for i := range want {
		want[i] = byte(i >> 8 * i)
	}
	go func() {
		near.Write(want)
		near.Close()
	}()
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(want), err)
	}
	if _, err := far.Write(want[:1]); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write to nobody: %v", err)
	}
	if _, err := near.Read(got); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
}

func TestNetworkDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memPair(t)
		one := make([]byte, 1)
		fails := func(what string, after time.Duration, do func([]byte) (int, error), b []byte) {
			t.Helper()
			began := time.Now()
			if _, err := do(b); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != after {
				t.Errorf("%s: %v after %v, want the deadline after %v", what, err, time.Since(began), after)
			}
		}
		near.SetReadDeadline(time.Now().Add(time.Second))
		fails("read", time.Second, near.Read, one)
		fails("read again", 0, near.Read, one)
		far.Write(one)
		near.SetReadDeadline(time.Time{})
		if n, err := near.Read(one); n != 1 || err != nil {
			t.Errorf("after the deadline was lifted: %d, %v", n, err)
		}
		near.SetDeadline(time.Now().Add(time.Hour))
		near.SetDeadline(time.Now().Add(time.Minute)) // the earlier timer says nothing
		fails("write", time.Minute, near.Write, make([]byte, memBuffer+1))
		go func() {
			time.Sleep(time.Second)
			near.SetReadDeadline(time.Unix(1, 0))
		}()
		near.SetReadDeadline(time.Time{})
		fails("interrupted read", time.Second, near.Read, one)
	})
}

func TestNetworkAddresses(t *testing.T) {
	network := NewNetwork()
	l, err := network.Listen("here")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := network.Listen("here"); err == nil {
		t.Error("an address was given twice")
	}
	if _, err := network.Dial(context.Background(), "there"); err == nil {
		t.Error("nobody listens there")
	}
	waiting, err := network.Dial(context.Background(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	l.Close()
	if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a connection that nobody accepted: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after close: %v", err)
	}
	if _, err := network.Listen("here"); err != nil {
		t.Errorf("a freed address: %v", err)
	}
}
