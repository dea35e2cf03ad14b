// Package demo tells the story of the cache cluster on real files: it stores
// every file of a directory through one node, lets another node fail without a
// goodbye, reads everything back through the rest, brings the lost node back
// with empty memory, and compares what every owner holds, byte by byte.
//
// Everything goes through the Redis ports with an ordinary Redis client, so
// that the figures at the end are what a user would see. It holds, or [Run]
// returns an error: nothing is assumed.
package demo
