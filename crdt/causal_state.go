package crdt

import "slices"

// The kernel as a State and a Mutable, for stores, which keep types apart by
// their encodings alone.

// JoinBinary joins an encoded state or delta; see [State].
func (c *causal) JoinBinary(delta []byte) (Joined, error) {
	_, j, err := c.join(delta, nil, false)
	return j, err
}

// JoinChanges joins an encoded state or delta and appends what changed; see
// [Mutable].
func (c *causal) JoinChanges(delta, dst []byte) ([]byte, Joined, error) {
	return c.join(delta, dst, true)
}

func (c *causal) join(delta, dst []byte, report bool) ([]byte, Joined, error) {
	if c.owner != nil {
		return dst, Joined{}, ErrPart
	}
	news := new(causal)
	if err := c.decode(string(delta), news); err != nil {
		return dst, Joined{}, err
	}
	switch d := news; d.newsFor(c) {
	case nothing:
		return dst, Joined{}, nil
	case some:
		news = new(causal)
		d.difference(c, news)
	}
	if worthwhile(news.size, len(delta)) {
		news.detach()
	}
	c.absorb(news)
	if report {
		news.rules = c.rules
		dst = news.append(dst, causalNewest)
	}
	return dst, Joined{Changed: true}, nil
}

// detach copies the payloads out of the encoding that they are cut from.
func (c *causal) detach() {
	k := keeper{left: c.size}
	for _, s := range c.sites {
		for _, block := range s.live.blocks {
			for i := range block {
				block[i].val = k.keep(block[i].val)
			}
		}
	}
}

// ApplyBinary makes an operation and appends its delta; see [Mutable].
func (c *causal) ApplyBinary(m Mint, op Op, dst []byte) ([]byte, Context, error) {
	var d causal
	saw, err := c.mutate(m, op, &d)
	if err != nil {
		return dst, Context{}, err
	}
	d.rules = c.rules
	return d.append(dst, causalNewest), saw, nil
}

// DifferenceBinary appends what the encoded state lacks; see [Mutable].
func (c *causal) DifferenceBinary(other, dst []byte) ([]byte, error) {
	var o, d causal
	decode := c.decode
	if len(other) > 0 && other[0] == outlineVersion {
		decode = c.decodeOutline
	}
	if err := decode(string(other), &o); err != nil {
		return dst, err
	}
	own := c.whole()
	if own.newsFor(&o) == nothing {
		return dst, nil
	}
	own.difference(&o, &d)
	d.rules = c.rules
	return d.append(dst, causalNewest), nil
}

// Fingerprint returns the keyed digest of the live dots with their payloads and
// of the causal context; see [State]. From then on it is kept up to date at the
// cost of what changes.
func (c *causal) Fingerprint(k Key) Fingerprint {
	if c.owner != nil {
		return c.whole().Fingerprint(k)
	}
	if c.digest == nil || c.digest.key != k {
		c.digest = &digest{key: k}
		for _, s := range c.sites {
			for _, e := range s.seen {
				c.digest.seen(true, s.actor, e)
			}
			for n, payload := range s.live.all() {
				c.digest.live(true, s.actor, n, payload)
			}
		}
	}
	return c.digest.sum
}

// Tombstone reports that nothing is live: the context alone is left, or the
// state is bottom.
func (c *causal) Tombstone() bool { return c.live == 0 }

// Size is about how many bytes of memory the state takes.
func (c *causal) Size() int {
	size := 240 + c.size + 24*c.live
	for _, s := range c.sites {
		size += 80 + 16*len(s.seen)
	}
	return size
}

// Context returns what was seen.
func (c *causal) Context() Context {
	var x Context
	for _, s := range c.whole().sites {
		x.claims = append(x.claims, claim{s.actor, slices.Clone(s.seen)})
	}
	return x
}
