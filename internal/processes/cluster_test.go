package processes_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// process is a node of the cluster, over all its lives.
type process struct {
	name string
	mu   sync.Mutex
	life *life // nil: killed
}

// life is one process.
type life struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	logs   *tail
	addr   string
	ended  chan struct{}
	mu     sync.Mutex
	next   uint64
	open   map[uint64]chan response
	broken bool
}

// errDied is how a request ends whose node was killed.
var errDied = errors.New("the node died")

// start begins a life and returns when the node has its place in the cluster.
func (p *process) start(seeds []string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	l := &life{cmd: exec.Command(exe), logs: new(tail), ended: make(chan struct{}), open: make(map[uint64]chan response)}
	l.cmd.Env = append(os.Environ(), asNode+"="+p.name+" "+strings.Join(seeds, " "))
	l.cmd.Stderr = l.logs
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := l.cmd.Start(); err != nil {
		return err
	}
	up := make(chan response, 1)
	l.open[0] = up
	go l.read(out)
	select {
	case a, ok := <-up:
		if !ok {
			return fmt.Errorf("%s did not start: %s", p.name, l.logs)
		}
		l.addr = a.Value
	case <-time.After(patience):
		l.end()
		return fmt.Errorf("%s has not started", p.name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.life = l
	return nil
}

// read brings answers to those who wait for them, until the process ends.
func (l *life) read(out io.Reader) {
	defer close(l.ended)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var a response
		if json.Unmarshal(lines.Bytes(), &a) != nil {
			break // a process that was killed in the middle of a line
		}
		l.mu.Lock()
		if ch := l.open[a.ID]; ch != nil {
			ch <- a
			delete(l.open, a.ID)
		}
		l.mu.Unlock()
	}
	_ = l.cmd.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	for _, ch := range l.open {
		close(ch)
	}
}

// ask sends a request and waits for the answer, or for the node's death.
func (p *process) ask(q request) (response, error) {
	p.mu.Lock()
	l := p.life
	p.mu.Unlock()
	if l == nil {
		return response{}, errDied
	}
	ch := make(chan response, 1)
	l.mu.Lock()
	l.next++
	q.ID = l.next
	line, err := json.Marshal(q)
	if l.broken || err != nil {
		l.mu.Unlock()
		return response{}, errors.Join(errDied, err)
	}
	l.open[q.ID] = ch
	_, err = l.stdin.Write(append(line, '\n')) // under the lock: lines must not mix
	l.mu.Unlock()
	if err != nil {
		return response{}, errDied
	}
	if a, ok := <-ch; ok {
		return a, nil
	}
	return response{}, errDied
}

// kill ends the life at once.
func (p *process) kill() {
	p.mu.Lock()
	l := p.life
	p.life = nil
	p.mu.Unlock()
	if l != nil {
		l.end()
	}
}

func (l *life) end() {
	_ = l.cmd.Process.Kill()
	<-l.ended
}

// signal stops the process, or lets it go on.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life != nil {
		_ = p.life.cmd.Process.Signal(s)
	}
}

// alive reports whether the node was not killed.
func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.life != nil
}

// cluster is a number of nodes.
type cluster []*process

// startCluster starts nodes, and kills them at the end of the test.
func startCluster(t *testing.T, n int) cluster {
	t.Helper()
	var c cluster
	t.Cleanup(func() {
		for _, p := range c {
			p.signal(syscall.SIGCONT)
			p.kill()
		}
	})
	for i := range n {
		p := &process{name: fmt.Sprintf("n%d", i)}
		if err := p.start(c.addrs()); err != nil {
			t.Fatal(err)
		}
		c = append(c, p)
	}
	c.calm(t)
	return c
}

// addrs are where the living nodes are found.
func (c cluster) addrs() (addrs []string) {
	for _, p := range c {
		p.mu.Lock()
		if p.life != nil {
			addrs = append(addrs, p.life.addr)
		}
		p.mu.Unlock()
	}
	return addrs
}

// isCalm reports whether every node is up, filled, and takes all for alive.
func (c cluster) isCalm() bool {
	return !slices.ContainsFunc(c, func(p *process) bool {
		a, err := p.ask(request{Verb: "ready"})
		return err != nil || !a.Found
	})
}

// calm waits until isCalm.
func (c cluster) calm(t *testing.T) {
	t.Helper()
	eventually(t, "all nodes ready", c.isCalm)
}

// restart brings a killed node back with empty memory.
func (c cluster) restart(p *process) error { return p.start(c.addrs()) }

// eventually waits for what must come true by itself.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not in %v: %s", patience, what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// tail keeps the end of what a process writes.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	w.b = w.b[max(len(w.b)-4<<10, 0):]
	return len(p), nil
}

// String gives what was kept.
func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.b)
}
