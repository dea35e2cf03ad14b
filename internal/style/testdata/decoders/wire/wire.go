package wire

func DecodeHello([]byte) {}

func DecodeReply([]byte) {} // want "no fuzz target uses the decoder DecodeReply"

func (*frame) UnmarshalBinary([]byte) error { return nil } // want "no fuzz target uses the decoder UnmarshalBinary"

type frame struct{}

func decodeInner([]byte) {}
