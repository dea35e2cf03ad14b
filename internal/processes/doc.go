// Package processes tests clusters of real processes: each node is a process of
// its own that is killed with SIGKILL or stopped with SIGSTOP while clients
// work, and what the clients saw is judged by the checkers of package
// gossiptest, which judge simulated histories too.
//
// It has no code but its tests. The test's program starts itself again as the
// nodes, and speaks with them in lines of JSON over their standard input and
// output. How long the clients work is a flag:
//
//	go test ./internal/processes -processes.active=5m
package processes
