package ring_test

func Example() {}
