"""Floor 3: which instance, how many of them, and who waits."""
