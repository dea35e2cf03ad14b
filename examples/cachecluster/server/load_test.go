package server

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

var connections = flag.Int("connections", 500, "clients of TestManyConnections")

// childEnv makes the test binary a server instead.
const childEnv = "CACHECLUSTER_TEST_SERVER"

// serveAsChild serves until its standard input ends, if it was started to do
// that. Server and clients together need more file descriptors than one
// process has by default.
func serveAsChild() bool {
	if os.Getenv(childEnv) == "" {
		return false
	}
	s, err := New(Config{Status: func() Status { return Status{} }})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s.Open(newMapTable())
	go s.Serve(l)
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin)
	return true
}

// TestManyConnections holds many connections open at once; ten thousand with
//
//	go test -run ManyConnections ./server -connections 10000
func TestManyConnections(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(exe)
	child.Env = append(os.Environ(), childEnv+"=1")
	child.Stderr = os.Stderr
	stdin, err1 := child.StdinPipe()
	stdout, err2 := child.StdoutPipe()
	if err := errors.Join(err1, err2, child.Start()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		if err := child.Wait(); err != nil {
			t.Errorf("the server: %v", err)
		}
	}()
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr = strings.TrimSpace(addr)

	clients := make([]*rawClient, *connections)
	for i := range clients {
		clients[i] = dial(t, addr)
		if got := clients[i].do("SET", fmt.Sprint("key", i), fmt.Sprint(i)); got != "+OK" {
			t.Fatalf("connection %d: %s", i, got)
		}
	}
	// All at once, from several goroutines; each reads what another wrote.
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for i := part; i < len(clients); i += 8 {
				j := (i + 1) % len(clients)
				if got := clients[i].do("GET", fmt.Sprint("key", j)); got != fmt.Sprintf("%q", fmt.Sprint(j)) {
					t.Errorf("connection %d: %s", i, got)
				}
			}
		})
	}
	all.Wait()
	info := clients[0].do("INFO", "clients")
	if want := fmt.Sprintf("connected_clients:%d", len(clients)); !strings.Contains(info, want) {
		t.Errorf("%s, want %s", info, want)
	}
	over := dial(t, addr)
	if len(clients) == 10_000 {
		if got := over.reply(); got != "-ERR max number of clients reached" {
			t.Error(got)
		}
	}
}
