package ring

import "time"

// A test may read the clock.
var begun = time.Now()
