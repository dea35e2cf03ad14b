// Package store may lock, and still not tell the time.
package store

import (
	"sync"
	"time"
)

type table struct {
	sync.RWMutex
	at time.Time
}

func (t *table) stamp() { t.at = time.Now() } // want "the clock: time.Now"
