package transport

// maxJobs bounds the requests of one connection that wait for its worker.
const maxJobs = 4096

// job is a request that waits for the worker.
type job struct {
	class    Class
	stream   uint64
	deadline int64
	size     int
	body     []byte    // a copy that is reused, or else
	from     *assembly // a large request, still in pieces
}

// jobQueue holds the jobs of a connection, by class.
type jobQueue struct {
	waiting [numClasses][]*job
	n       int
	bytes   int
	free    []*job
}

// copyOf makes a job with a copy of the body.
func (q *jobQueue) copyOf(class Class, stream uint64, deadline int64, body []byte) *job {
	var j *job
	if n := len(q.free); n > 0 {
		j, q.free = q.free[n-1], q.free[:n-1]
	} else {
		j = new(job)
	}
	j.class, j.stream, j.deadline, j.size = class, stream, deadline, len(body)
	j.body = append(j.body[:0], body...)
	return j
}

func (q *jobQueue) add(j *job) {
	q.waiting[j.class] = append(q.waiting[j.class], j)
	q.n++
	q.bytes += j.size
}

// next takes the oldest job of the most urgent class, or nil.
func (q *jobQueue) next() *job {
	for c := range q.waiting {
		if len(q.waiting[c]) > 0 {
			return q.takeAt(c, 0)
		}
	}
	return nil
}

// remove takes the job of a stream, or nil.
func (q *jobQueue) remove(stream uint64) *job {
	for c := range q.waiting {
		for i, j := range q.waiting[c] {
			if j.stream == stream {
				return q.takeAt(c, i)
			}
		}
	}
	return nil
}

func (q *jobQueue) takeAt(class, i int) *job {
	w := q.waiting[class]
	j := w[i]
	copy(w[i:], w[i+1:])
	q.waiting[class] = w[:len(w)-1]
	q.n--
	q.bytes -= j.size
	return j
}

// clear empties the queue and returns what waited.
func (q *jobQueue) clear() (left []*job) {
	for j := q.next(); j != nil; j = q.next() {
		left = append(left, j)
	}
	return left
}

// reuse keeps a job whose body was a copy, while few are kept.
func (q *jobQueue) reuse(j *job) {
	if len(q.free) < 64 && cap(j.body) <= chunkSize {
		q.free = append(q.free, j)
	}
}

// enqueue gives a job to the worker, which it starts where needed, or refuses
// the request where there is no room. The caller holds mu.
func (c *inbound) enqueue(j *job) {
	if c.jobs.n >= maxJobs || c.jobs.bytes+j.size > c.t.cfg.MaxInFlight {
		c.finish(j)
		c.refuse(j.class, j.stream, refuseOverloaded)
		return
	}
	c.jobs.add(j)
	if !c.working && c.err == nil {
		c.working = true
		c.t.running.Add(1)
		go c.worker()
	}
}

// work serves jobs until none is left. While the peer does not take its
// answers, no further job is begun.
func (c *inbound) work() {
	defer c.t.running.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for c.queued > batchSize && c.err == nil {
			c.room.Wait()
		}
		j := c.jobs.next()
		if c.err != nil || j == nil {
			break
		}
		c.mu.Unlock()
		c.serveJob(j)
		c.mu.Lock()
		c.finish(j)
	}
	c.working = false
	c.room.Broadcast()
}

// finish gives back what a job held. The caller holds mu.
func (c *inbound) finish(j *job) {
	if j.from != nil {
		c.asm.release(j.from)
		return
	}
	c.jobs.reuse(j)
}

func (c *inbound) serveJob(j *job) {
	if j.deadline <= c.t.now() {
		return
	}
	if c.bulk.Load() > int64(c.t.cfg.MaxInFlight) {
		c.refuseNow(j.class, j.stream, refuseOverloaded)
		return
	}
	body := j.body
	if j.from != nil {
		body = j.from.join()
	}
	reply := c.t.cfg.Handler.Serve(c.remote, j.class, body, c.scratch[:0])
	if len(reply) > maxPayload || len(reply) > c.limit {
		c.replyLarge(j.class, j.stream, reply, sameArray(c.scratch[:0], reply))
		return
	}
	if len(reply) > cap(c.scratch) {
		c.scratch = make([]byte, 0, min(2*len(reply), maxFrame))
	}
	c.mu.Lock()
	c.push(kindReply, j.class, j.stream, nil, reply)
	c.kick()
	c.mu.Unlock()
}
