"""Telling people and functions that something is wrong."""
