package crdt

// Tags of the types in encodings: never changed, never used again.
const (
	tagSet            = 1
	tagRemoveWinsSet  = 2
	tagMVRegister     = 3
	tagEnableWins     = 4
	tagDisableWins    = 5
	tagCounter        = 6
	tagMap            = 7
	tagList           = 8
	tagGrowSet        = 16
	tagGrowCounter    = 17
	tagBoundedCounter = 18
	tagLWWMap         = 19
	tagFirstRegister  = 20
	tagHyperLogLog    = 21
)
