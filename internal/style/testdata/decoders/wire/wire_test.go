package wire

// To be called in a test is not to be fuzzed.
func try() { DecodeReply(nil) }
