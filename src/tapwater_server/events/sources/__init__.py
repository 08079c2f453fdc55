"""Loops that turn the world into events."""
