package watched

func start() { go start() }
