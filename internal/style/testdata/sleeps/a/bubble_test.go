package a

import (
	_ "testing/synctest"
	"time"
)

func pass() { time.Sleep(time.Second) }
