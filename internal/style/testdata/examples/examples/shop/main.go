// Command shop is an example itself.
package main

func main() {}
