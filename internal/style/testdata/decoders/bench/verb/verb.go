package verb

func ParseFlags([]string) {}
