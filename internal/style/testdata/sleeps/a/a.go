package a

import "time"

func shell() { time.Sleep(time.Second) }
