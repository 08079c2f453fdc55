"""Floor 2: the life of instances, the processes that run functions."""
