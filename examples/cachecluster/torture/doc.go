// Command torture starts a cache cluster of real processes, loads one node with
// redis-benchmark, kills others with SIGKILL while it runs, starts them again
// with empty memory, and checks that no write that was acknowledged is lost.
//
//	go run ./examples/cachecluster/torture
//	go run ./examples/cachecluster/torture -kills 10 -n 500000
//
// The checker runs beside the benchmark: its clients write values that are
// never used twice, through all nodes, and read them back through all nodes,
// all the time and once more at the end. See checker.go for what it accepts.
// The exit status is 0 only if the benchmark met no error and every
// acknowledged value was found.
package main
