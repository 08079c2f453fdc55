"""Backends that live in memory: the reference, and for tests."""
