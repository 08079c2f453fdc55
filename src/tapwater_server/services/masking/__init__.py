"""Keeps secrets out of what is written down about calls."""
