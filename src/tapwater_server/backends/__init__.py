"""Implementations of the ports, by technology. They know ports and model only."""
