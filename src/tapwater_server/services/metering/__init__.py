"""Counting what calls use."""
