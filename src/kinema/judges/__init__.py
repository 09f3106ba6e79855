"""What a clip of a known world shows, read from its frames alone."""
