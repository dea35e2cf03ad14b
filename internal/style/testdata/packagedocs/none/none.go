package none // want "has no documentation"
