package leaky

func start() {
	go start() // want "no test of it looks for leaks"
	go start()
}
