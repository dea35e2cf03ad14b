package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// A client sees the others as they call themselves, and can close them.
func TestClientListAndKill(t *testing.T) {
	s, addr := start(t, Config{})
	a, b, c := dial(t, addr), dial(t, addr), dial(t, addr)
	for i, client := range []*rawClient{a, b, c} {
		if got := client.do("CLIENT", "ID"); got != fmt.Sprint(":", i+1) {
			t.Fatal(got)
		}
	}
	b.do("HELLO", "3", "SETNAME", "worker")
	c.do("CLIENT", "SETINFO", "lib-name", "mine")
	list := a.do("CLIENT", "LIST")
	for i, part := range []string{
		"id=1 addr=" + a.nc.LocalAddr().String(), `name= `,
		"id=2 addr=" + b.nc.LocalAddr().String(), "name=worker ", "resp=3",
		"id=3 addr=" + c.nc.LocalAddr().String(), "lib-name=mine",
	} {
		_, rest, found := strings.Cut(list, part)
		if !found {
			t.Fatalf("part %d, %s, is not in %s", i, part, list)
		}
		list = rest // they come in this order
	}
	if got := a.do("CLIENT", "LIST", "ID", "3", "1"); strings.Count(got, "id=") != 2 || strings.Contains(got, "id=2") {
		t.Error(got)
	}
	if got := a.do("CLIENT", "KILL", "ID", "2", "LADDR", addr); got != ":1" {
		t.Error(got)
	}
	b.closed()
	if got := a.do("CLIENT", "KILL", c.nc.LocalAddr().String()); got != "+OK" {
		t.Error(got)
	}
	c.closed()
	waitFor(t, func() bool { return s.Clients() == 1 }) // two are about to go
	d := dial(t, addr)
	if got := d.do("CLIENT", "KILL", "TYPE", "normal"); got != ":1" { // not itself
		t.Error(got)
	}
	a.closed()
	if got := d.do("CLIENT", "KILL", "USER", "default", "SKIPME", "no"); got != ":1" {
		t.Error(got)
	}
	d.closed()
}

// Clients come, rename themselves and go while others list and close them.
func TestClientListMeanwhile(t *testing.T) {
	_, addr := start(t, Config{})
	lister := dial(t, addr)
	var changing sync.WaitGroup
	for range 4 {
		changing.Go(func() {
			for i := range 20 {
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					t.Error(err)
					return
				}
				for j := range 10 { // it may be closed by the other already
					_, _ = io.WriteString(nc, encode("CLIENT", "SETNAME", fmt.Sprint("n", i, j)))
				}
				_, _ = io.ReadFull(nc, make([]byte, len("+OK\r\n")))
				nc.Close()
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		changing.Wait()
		close(ended)
	}()
	for {
		select {
		case <-ended:
			return
		default:
		}
		if got := lister.do("CLIENT", "LIST"); !strings.Contains(got, "id=1 addr="+lister.nc.LocalAddr().String()) {
			t.Fatal(got)
		}
		if got := lister.do("CLIENT", "KILL", "TYPE", "normal"); !strings.HasPrefix(got, ":") {
			t.Fatal(got)
		}
	}
}
