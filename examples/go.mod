module github.com/grapevine-go/grapevine/examples

go 1.26.0

require github.com/grapevine-go/grapevine v0.0.0

replace github.com/grapevine-go/grapevine => ../
