package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// startTimeout bounds how long the cluster may take to be whole again.
const startTimeout = time.Minute

// process is one node: an operating-system process.
type process struct {
	name   string
	listen string
	redis  string
	log    string
	cmd    *exec.Cmd // nil while it is dead
	client *redis.Client
}

// cluster is all of them.
type cluster struct {
	binary string
	procs  []*process
	kills  int
}

func startCluster(ctx context.Context, p plan, dir string) (*cluster, error) {
	c := &cluster{binary: p.binary}
	ports, err := freePorts(2 * p.nodes)
	if err != nil {
		return nil, err
	}
	for i := range p.nodes {
		name, listen, port := string(rune('a'+i)), ports[2*i], ports[2*i+1]
		c.procs = append(c.procs, &process{
			name: name, listen: listen, redis: port, log: filepath.Join(dir, name+".log"),
			client: redis.NewClient(&redis.Options{Addr: port, MaxRetries: -1}),
		})
	}
	for _, p := range c.procs {
		err = errors.Join(err, c.startOne(p))
	}
	if err == nil {
		err = c.settled(ctx)
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, c.logs())
		c.stop()
		return nil, err
	}
	return c, nil
}

// freePorts finds n addresses that nobody uses, neither by TCP nor by UDP. The
// ports are below those that systems give to outgoing connections, so that they are
// most likely still free when processes come to use them, again and again. All are
// held until the last is found: none is found twice.
func freePorts(n int) (addrs []string, err error) {
	for range 1000 {
		if len(addrs) == n {
			return addrs, nil
		}
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		defer l.Close()
		p, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		defer p.Close()
		addrs = append(addrs, addr)
	}
	return nil, fmt.Errorf("%d of %d free ports found", len(addrs), n)
}

// startOne starts a process with nothing but its name, its ports and the list
// of all nodes, which is the same for all.
func (c *cluster) startOne(p *process) error {
	var all []string
	for _, q := range c.procs {
		all = append(all, q.listen)
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(c.binary, "-node", p.name, "-listen", p.listen, "-redis", p.redis, "-join", strings.Join(all, ","))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd = cmd
	return nil
}

// settled waits until every node is synced, and sees every other in its present
// life under one ring.
func (c *cluster) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		missing := c.missing(ctx)
		if len(missing) == 0 {
			return nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("the cluster is not whole:\n%s\n%w", strings.Join(missing, "\n"), err)
		}
	}
}

// missing says which nodes are not settled, and what they tell.
func (c *cluster) missing(ctx context.Context) (missing []string) {
	infos := make([]map[string]string, len(c.procs))
	for i, p := range c.procs {
		infos[i] = p.info(ctx)
	}
	for i, p := range c.procs {
		known := fmt.Sprint(infos[i])
		whole := infos[i]["synced"] == "1" && infos[i]["ring_version"] == infos[0]["ring_version"]
		for j, q := range c.procs {
			whole = whole && strings.Contains(known, fmt.Sprintf("name=%s,boot=%s,state=alive,", q.name, infos[j]["boot"]))
		}
		if !whole {
			missing = append(missing, p.name+": "+known)
		}
	}
	return missing
}

// info is the node's INFO grapevine; empty if it does not answer.
func (p *process) info(ctx context.Context) map[string]string {
	fields := make(map[string]string)
	text, err := p.client.Info(ctx, "grapevine").Result()
	if err != nil {
		return fields
	}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// kill ends the process by SIGKILL: nothing is flushed, nobody is told.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	p.cmd.Wait() // reports the kill
	p.cmd = nil
	return nil
}

func (c *cluster) addrs() (addrs []string) {
	for _, p := range c.procs {
		addrs = append(addrs, p.redis)
	}
	return addrs
}

func (c *cluster) stop() {
	for _, p := range c.procs {
		p.client.Close()
		if p.cmd != nil {
			p.kill()
		}
	}
}

// logs is the end of what each process logged.
func (c *cluster) logs() string {
	var b strings.Builder
	for _, p := range c.procs {
		text, err := os.ReadFile(p.log)
		if err != nil {
			continue
		}
		var tail []string
		for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
			tail = append(tail, s.Text())
		}
		fmt.Fprintf(&b, "--- %s\n%s\n", p.name, strings.Join(tail[max(0, len(tail)-10):], "\n"))
	}
	return b.String()
}
